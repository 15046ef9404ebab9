import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzip,
  type InputType,
  inflate,
  type ZlibOptions,
  zstdDecompress,
} from 'node:zlib';
import { RequestFailure } from './failure.ts';

const decoders = {
  gzip: gunzip,
  'x-gzip': gunzip,
  deflate: inflate,
  br: brotliDecompress,
  zstd: zstdDecompress,
} as const;

/** Frames of a zstd body: each costs a context of its own, and batches of clients have fewer. */
const MAX_FRAMES = 1_000;

const isKnown = (encoding: string): encoding is keyof typeof decoders => Object.hasOwn(decoders, encoding);

/**
 * Undoes a Content-Encoding, never to more than `limitBytes`, and all of the body or nothing: what stands behind the end of a stream
 * would be lost unsaid. Throws RequestFailure `unsupported_media_type`, `too_large`, or `malformed_json` for a damaged body.
 */
export async function inflateBody(body: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase();
  if (name === 'identity') return body;
  if (!isKnown(name)) {
    const message = 'content-encoding: gzip, br, zstd, deflate and identity are taken';
    throw new RequestFailure({ kind: 'unsupported_media_type', message });
  }
  try {
    const first = await inflateOnce(name, body, limitBytes);
    if (first.consumed === body.length) return first.inflated;
    // Node reads every member of gzip itself, and of zstd the first frame only; brotli and deflate know no second stream.
    if (name === 'zstd') return await inflateFrames(first, body, limitBytes);
  } catch (error) {
    if (error instanceof RequestFailure) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new RequestFailure({ kind: 'too_large', limitBytes });
    }
    throw damaged(name);
  }
  throw damaged(name);
}

function damaged(name: string): RequestFailure {
  return new RequestFailure({ kind: 'malformed_json', message: `the body is not valid ${name}` });
}

/** What one stream held, and how many bytes of the body it took. */
interface Inflated {
  readonly inflated: Buffer;
  readonly consumed: number;
}

/** Node's functions with the option `info`, which its types don't know. */
type Decode = (
  body: InputType,
  options: ZlibOptions,
  callback: (error: Error | null, result: { buffer: Buffer; engine: { bytesWritten: number } }) => void,
) => void;

function inflateOnce(name: keyof typeof decoders, body: Buffer, limitBytes: number): Promise<Inflated> {
  // With `info` the callback gets the buffer and the engine.
  const decode = decoders[name] as unknown as Decode;
  return new Promise((resolve, reject) => {
    decode(body, { maxOutputLength: limitBytes, info: true }, (error, result) => {
      if (error) reject(error);
      else resolve({ inflated: result.buffer, consumed: result.engine.bytesWritten });
    });
  });
}

async function inflateFrames(first: Inflated, body: Buffer, limitBytes: number): Promise<Buffer> {
  const frames = [first.inflated];
  let length = first.inflated.length;
  let at = first.consumed;
  while (at < body.length) {
    if (frames.length === MAX_FRAMES) {
      const message = `a zstd body has at most ${MAX_FRAMES} frames`;
      throw new RequestFailure({ kind: 'malformed_json', message });
    }
    // The least that Node takes is one byte.
    const frame = await inflateOnce('zstd', body.subarray(at), Math.max(limitBytes - length, 1));
    length += frame.inflated.length;
    if (length > limitBytes) throw new RequestFailure({ kind: 'too_large', limitBytes });
    frames.push(frame.inflated);
    at += frame.consumed;
  }
  return Buffer.concat(frames, length);
}

const streams = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const;

/** What the first `limitBytes` of a body hold that may have been cut; empty for an encoding that isn't known. */
export function inflateBeginning(body: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase();
  if (name === 'identity') return Promise.resolve(body);
  if (!isKnown(name)) return Promise.resolve(Buffer.alloc(0));
  const stream = streams[name]({ chunkSize: limitBytes });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const done = () => {
      stream.destroy();
      resolve(Buffer.concat(chunks).subarray(0, limitBytes));
    };
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= limitBytes) done();
    });
    // A body that was cut, or is damaged, ends here with what it has given.
    stream.on('error', done);
    stream.on('end', done);
    stream.end(body);
  });
}
