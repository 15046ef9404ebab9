import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { RequestFailure } from './failure.ts';
import { inflateBody } from './inflate.ts';

const EMPTY = Buffer.alloc(0);

/**
 * Reads a request's body, inflated. A body over the limit is refused as soon as it shows, and the rest of it is
 * discarded so that the answer can still be read.
 */
export function readBody(request: IncomingMessage | Http2ServerRequest, limitBytes: number): Promise<Buffer> {
  const { headers } = request;
  if (Number(headers['content-length'] ?? 0) > limitBytes) {
    request.resume();
    return Promise.reject(new RequestFailure({ kind: 'too_large', limitBytes }));
  }
  const encoding = headers['content-encoding'];
  const raw = readRaw(request, limitBytes);
  return encoding === undefined ? raw : raw.then((body) => inflateBody(body, encoding, limitBytes));
}

function readRaw(request: IncomingMessage | Http2ServerRequest, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer = EMPTY;
    let more: Buffer[] | undefined;
    let length = 0;
    let settled = false;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (settled) return;
      if (length > limitBytes) {
        settled = true;
        more = undefined;
        reject(new RequestFailure({ kind: 'too_large', limitBytes }));
      } else if (length === chunk.length) first = chunk;
      else if (more) more.push(chunk);
      else more = [first, chunk];
    });
    request.on('end', () => {
      if (settled) return;
      settled = true;
      resolve(more ? Buffer.concat(more, length) : first);
    });
    request.on('close', () => {
      if (settled) return;
      settled = true;
      reject(new RequestFailure({ kind: 'request_timeout' }));
    });
    request.on('error', () => {
      if (settled) return;
      settled = true;
      reject(new RequestFailure({ kind: 'request_timeout' }));
    });
  });
}
