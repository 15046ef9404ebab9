import {
  createServer as createHttp1Server,
  type Server as Http1Server,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';

/** Answers a request of either protocol. */
export type RequestHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** One port that speaks HTTP/1.1 and HTTP/2 without TLS. */
export interface Listener {
  readonly port: number;
  /** Takes no more connections, closes idle ones, and after `deadlineMs` the busy ones too. */
  close(deadlineMs: number): Promise<void>;
}

/** The first bytes of every HTTP/2 connection. */
const PREFACE = Buffer.from('PRI * HTTP/2.0');
/** Longest wait for a connection's first bytes, and for a request's head, in milliseconds. */
const HEAD_TIMEOUT_MS = 10_000;
/** Longest time for a whole request, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long connections without a request stay open once the server closes, in milliseconds. */
const GRACE_MS = 1_000;
const KEEP_ALIVE_MS = 72_000;
const SESSION_IDLE_MS = 300_000;
const MAX_CONCURRENT_STREAMS = 250;

/**
 * Looks at a connection's first bytes and hands it to the HTTP/1.1 or the HTTP/2 server, so that REST, Connect,
 * gRPC-Web and gRPC share a port. Costs REST nothing: after the first bytes Node serves the socket as its own.
 */
export async function listen(options: {
  host: string;
  port: number;
  handler: RequestHandler;
}): Promise<Listener> {
  const http1 = createHttp1Server(
    {
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 2_000,
      noDelay: true,
    },
    options.handler,
  );
  // Node starts the checks of these time limits when the server begins to listen, which this one never does itself.
  http1.emit('listening');
  const http2 = createHttp2Server(
    { settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS } },
    options.handler,
  );
  const sessions = new Set<ServerHttp2Session>();
  http2.on('session', (session) => {
    sessions.add(session);
    session.setTimeout(SESSION_IDLE_MS, () => session.close());
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  const undecided = new Set<Socket>();
  const door = createNetServer({ noDelay: true }, (socket) => {
    undecided.add(socket);
    dispatch(socket, http1, http2, () => undecided.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    door.once('error', reject);
    door.listen(options.port, options.host, 1024, resolve);
  });
  // A server that listens on TCP has an AddressInfo; the string form is for pipes.
  const { port } = door.address() as AddressInfo;
  return {
    port,
    async close(deadlineMs) {
      const closed = new Promise<void>((resolve) => door.close(() => resolve()));
      for (const session of sessions) {
        // A session whose client left an answer unread is destroyed without ever telling so.
        if (session.destroyed) continue;
        session.goaway();
        session.close();
      }
      // For a while connections that look idle are left open: a request may be on its way, and its answer asks to close.
      const graceMs = Math.min(GRACE_MS, deadlineMs);
      let idle: NodeJS.Timeout | undefined;
      const grace = setTimeout(() => {
        for (const socket of undecided) socket.destroy();
        // Closes idle connections at once, as Node's servers do.
        http1.close();
        idle = setInterval(() => http1.closeIdleConnections(), 50);
      }, graceMs);
      const deadline = setTimeout(() => {
        http1.closeAllConnections();
        for (const session of sessions) session.destroy();
      }, deadlineMs);
      await closed;
      clearTimeout(grace);
      clearInterval(idle);
      clearTimeout(deadline);
    },
  };
}

function dispatch(socket: Socket, http1: Http1Server, http2: Http2Server, decided: () => void): void {
  const giveUp = () => socket.destroy();
  socket.setTimeout(HEAD_TIMEOUT_MS, giveUp);
  socket.on('error', giveUp);
  socket.once('close', decided);
  let head: Buffer = Buffer.alloc(0);
  const onReadable = () => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const compared = Math.min(head.length, PREFACE.length);
    const maybeHttp2 = head.compare(PREFACE, 0, compared, 0, compared) === 0;
    if (maybeHttp2 && compared < PREFACE.length) return;
    socket.off('readable', onReadable);
    socket.off('error', giveUp);
    socket.off('close', decided);
    socket.setTimeout(0);
    decided();
    socket.unshift(head);
    (maybeHttp2 ? http2 : http1).emit('connection', socket);
  };
  socket.on('readable', onReadable);
}
