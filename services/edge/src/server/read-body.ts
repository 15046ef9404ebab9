import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { RequestFailure } from './failure.ts';
import { inflateBeginning, inflateBody } from './inflate.ts';

const EMPTY = Buffer.alloc(0);

/**
 * How long the rest of a refused body is awaited and thrown away, in milliseconds. A connection that is closed with bytes
 * unread is reset, and the client may then never see why it was refused.
 */
const LINGER_MS = 1_000;

/** How long the beginning of a body is awaited, in milliseconds. */
const PEEK_WAIT_MS = 1_000;

/** The beginning of a body, inflated; what is damaged or doesn't come in time ends it early. */
export async function peekBody(
  request: IncomingMessage | Http2ServerRequest,
  limitBytes: number,
): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  const raw = await firstBytes(request, limitBytes);
  return encoding === undefined ? raw : inflateBeginning(raw, encoding, limitBytes);
}

function firstBytes(request: IncomingMessage | Http2ServerRequest, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const done = () => {
      clearTimeout(timer);
      request.off('data', take);
      for (const event of ['end', 'close', 'error']) request.off(event, done);
      // What else comes is thrown away, so that the connection can be used for another request.
      request.resume();
      resolve(Buffer.concat(chunks).subarray(0, limitBytes));
    };
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= limitBytes) done();
    };
    const timer = setTimeout(done, PEEK_WAIT_MS);
    request.on('data', take);
    for (const event of ['end', 'close', 'error']) request.once(event, done);
  });
}

/** Reads a request's body, inflated. Never holds more than `limitBytes`, and refuses what exceeds it. */
export function readBody(request: IncomingMessage | Http2ServerRequest, limitBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  const raw = readRaw(request, limitBytes);
  return encoding === undefined ? raw : raw.then((body) => inflateBody(body, encoding, limitBytes));
}

function readRaw(request: IncomingMessage | Http2ServerRequest, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const isAnnounced = Number(request.headers['content-length'] ?? 0) > limitBytes;
    let first: Buffer = EMPTY;
    let more: Buffer[] | undefined;
    let length = 0;
    let refused = false;
    let ended = false;
    const refuse = () => {
      refused = true;
      first = EMPTY;
      more = undefined;
      const tooLarge = () => reject(new RequestFailure({ kind: 'too_large', limitBytes }));
      const linger = setTimeout(tooLarge, LINGER_MS);
      request.once('end', () => {
        clearTimeout(linger);
        tooLarge();
      });
    };
    if (isAnnounced) refuse();
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (refused) return;
      if (length > limitBytes) refuse();
      else if (length === chunk.length) first = chunk;
      else if (more) more.push(chunk);
      else more = [first, chunk];
    });
    request.on('end', () => {
      ended = true;
      if (!refused) resolve(more ? Buffer.concat(more, length) : first);
    });
    const cutOff = () => {
      if (!ended) reject(new RequestFailure({ kind: 'request_timeout' }));
    };
    request.on('close', cutOff);
    request.on('error', cutOff);
  });
}
