import { promisify } from 'node:util';
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

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
} as const;

const isKnown = (encoding: string): encoding is keyof typeof decoders => Object.hasOwn(decoders, encoding);

/**
 * Undoes a Content-Encoding, never to more than `limitBytes`.
 * Throws RequestFailure `unsupported_media_type`, `too_large`, or `malformed_json` for a damaged body.
 */
export async function inflateBody(body: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase();
  if (name === 'identity') return body;
  if (!isKnown(name)) {
    const message = 'content-encoding: gzip, br, zstd, deflate and identity are taken';
    throw new RequestFailure({ kind: 'unsupported_media_type', message });
  }
  try {
    return await decoders[name](body, { maxOutputLength: limitBytes });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new RequestFailure({ kind: 'too_large', limitBytes });
    }
    throw new RequestFailure({ kind: 'malformed_json', message: `the body is not valid ${name}` });
  }
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
