import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

/** A request as it shall be sent: nothing is added to the headers but `host` and `content-length`. */
export interface HttpCall {
  /** Default POST. */
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/** What came back. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Throws when the body isn't JSON. */
  json(): unknown;
}

const TIMEOUT_MS = 20_000;

// As most clients do; those that close after each request say `connection: close` in their headers.
const agent = new Agent({ keepAlive: true });

/** Sends one HTTP/1.1 request. The path goes out as it is written, however odd. */
export function httpCall(url: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const { host, hostname, port, pathStart } = splitUrl(url);
  const { method = 'POST', headers = {}, body } = call;
  const isChunked = 'transfer-encoding' in headers;
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent: headers['connection'] === 'close' ? false : agent,
      hostname,
      port,
      path: url.slice(pathStart) || '/',
      method,
      timeout: TIMEOUT_MS,
      headers: {
        host,
        ...(body === undefined || isChunked ? {} : { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ status, headers: answered, text, json: () => parse(text, status) });
      });
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS} ms from ${url}`)),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Sends bytes as they are and returns all that comes back until the other side closes or falls silent. */
export function rawExchange(url: string, bytes: string | Uint8Array, silenceMs = 2_000): Promise<string> {
  const { hostname, port } = splitUrl(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const finish = () => resolve(Buffer.concat(chunks).toString('latin1'));
    const socket = connect({ host: hostname, port });
    socket.setTimeout(silenceMs, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', finish);
    socket.on('error', (error) => {
      // A reset after an answer is the server's way of hanging up on nonsense.
      if (chunks.length === 0) reject(error);
    });
    socket.write(bytes);
  });
}

function splitUrl(url: string): { host: string; hostname: string; port: number; pathStart: number } {
  const match = /^http:\/\/([^:/]+):(\d+)/.exec(url);
  const [prefix, hostname, port] = match ?? [];
  if (prefix === undefined || hostname === undefined) throw new Error(`not an http URL with a port: ${url}`);
  return { host: `${hostname}:${port}`, hostname, port: Number(port), pathStart: prefix.length };
}

function parse(text: string, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`the body of this ${status} is not JSON: ${text.slice(0, 500)}`, { cause });
  }
}
