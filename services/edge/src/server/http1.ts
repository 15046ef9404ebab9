import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Deadlines } from './deadlines.ts';

/** The newest request of a connection, and the answer before its own while that is under way. */
interface Newest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly earlier: ServerResponse | undefined;
}

/** An HTTP/1.1 server that answers what its parser refuses, behind the answers that are under way on the connection. */
export function createHttp1Server(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  deadlines: Deadlines,
): Server {
  const newest = new WeakMap<Duplex, Newest>();
  const refused = new WeakSet<Duplex>();
  const server = createServer({
    headersTimeout: deadlines.headMs,
    // Requests have a deadline of their own for the body, which answers in the dialect's words; this one stands behind it.
    requestTimeout: deadlines.headMs + deadlines.bodyMs + deadlines.lingerMs,
    keepAliveTimeout: deadlines.keepAliveMs,
    connectionsCheckingInterval: deadlines.checkMs,
    // Node's own answer to its absence has no body.
    requireHostHeader: false,
    noDelay: true,
  });
  server.on('request', (request, response) => {
    const before = newest.get(request.socket)?.response;
    const earlier = before === undefined || before.writableFinished ? undefined : before;
    newest.set(request.socket, { request, response, earlier });
    if (request.headers.host === undefined && request.httpVersion === '1.1') {
      const { head, body } = refusal(400, 'HTTP/1.1 asks for a Host header');
      response.writeHead(400, head);
      response.end(body);
      return;
    }
    handler(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // The parser goes on failing over whatever comes behind.
    if (refused.has(socket)) return;
    refused.add(socket);
    const last = newest.get(socket);
    const refuse = () => {
      if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
      else socket.end(asText(...meaningOf(error.code)));
    };
    if (last === undefined) refuse();
    else if (last.request.complete) after(last.response, refuse);
    // The newest request itself is broken: its answer is this one, unless it has begun.
    else after(last.earlier, () => (last.response.headersSent ? socket.destroy() : refuse()));
  });
  // Node starts the checks of these time limits when the server begins to listen, which this one never does itself.
  server.emit('listening');
  return server;
}

function after(response: ServerResponse | undefined, then: () => void): void {
  if (response === undefined || response.writableFinished || response.destroyed) then();
  else response.once('close', then);
}

function meaningOf(code: string | undefined): [status: number, detail: string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'The request did not arrive in time'];
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'The headers are too large'];
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'The chunk extensions are too large'];
    default:
      return [400, 'This is not a request of HTTP/1.1'];
  }
}

function refusal(status: number, detail: string): { head: string[]; body: string } {
  const code = status === 408 ? 'request_timeout' : 'malformed_request';
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code });
  const length = String(Buffer.byteLength(body));
  const head = ['connection', 'close', 'content-type', 'application/problem+json', 'content-length', length];
  return { head, body };
}

/** For a connection whose request Node has given no response. */
function asText(status: number, detail: string): string {
  const { head, body } = refusal(status, detail);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`];
  for (let i = 0; i < head.length; i += 2) lines.push(`${head[i]}: ${head[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
