import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzip,
  inflate,
  zstdDecompress,
} from 'node:zlib';
import { RequestFailure } from './failure.ts';

interface Inflated {
  readonly buffer: Buffer;
  /** `bytesWritten` is how much of the input was read. */
  readonly engine: { readonly bytesWritten: number };
}
type Decoder = (
  body: Buffer,
  options: { maxOutputLength: number; info: true },
  done: (error: Error | null, result: Inflated) => void,
) => void;

// With `info` every one of them answers its engine too, which the types leave out.
const decoders = {
  gzip: gunzip as unknown as Decoder,
  'x-gzip': gunzip as unknown as Decoder,
  deflate: inflate as unknown as Decoder,
  br: brotliDecompress as unknown as Decoder,
  zstd: zstdDecompress as unknown as Decoder,
} as const;

const isKnown = (encoding: string): encoding is keyof typeof decoders => Object.hasOwn(decoders, encoding);

/**
 * Undoes a Content-Encoding, never to more than `limitBytes`. Several gzip members or zstd frames are one body (RFC 1952, RFC 8878);
 * anything else behind the end is damage: a client that sent it must not take it for stored.
 * Throws RequestFailure `unsupported_media_type`, `too_large`, or `malformed_json` for a damaged body.
 */
export async function inflateBody(body: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase();
  if (name === 'identity') return body;
  if (!isKnown(name)) {
    const message = 'content-encoding: gzip, br, zstd, deflate and identity are taken';
    throw new RequestFailure({ kind: 'unsupported_media_type', message });
  }
  const parts: Buffer[] = [];
  let length = 0;
  let rest = body;
  for (;;) {
    // A decoder takes no limit below one byte; an empty part more makes no body larger.
    const { buffer, engine } = await inflateOnce(name, rest, Math.max(1, limitBytes - length), limitBytes);
    parts.push(buffer);
    length += buffer.length;
    if (length > limitBytes) throw new RequestFailure({ kind: 'too_large', limitBytes });
    if (engine.bytesWritten >= rest.length) break;
    // Node's gunzip goes on with further members by itself, its zstd stops behind the first frame.
    if (name !== 'zstd' || engine.bytesWritten === 0) throw damaged(name);
    rest = rest.subarray(engine.bytesWritten);
  }
  return parts.length === 1 ? (parts[0] ?? body) : Buffer.concat(parts, length);
}

async function inflateOnce(
  name: keyof typeof decoders,
  body: Buffer,
  maxOutputLength: number,
  limitBytes: number,
): Promise<Inflated> {
  try {
    return await new Promise((resolve, reject) =>
      decoders[name](body, { maxOutputLength, info: true }, (error, result) =>
        error ? reject(error) : resolve(result),
      ),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new RequestFailure({ kind: 'too_large', limitBytes });
    }
    throw damaged(name);
  }
}

function damaged(name: string): RequestFailure {
  return new RequestFailure({ kind: 'malformed_json', message: `the body is not valid ${name}` });
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
