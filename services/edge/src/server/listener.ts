import type { Server as Http1Server, IncomingMessage, ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';
import { DEADLINES, type Deadlines, drainAnswered, watchSessions } from './deadlines.ts';
import { createHttp1Server } from './http1.ts';

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
/** How long connections without a request stay open once the server closes, in milliseconds. */
const GRACE_MS = 1_000;
const MAX_CONCURRENT_STREAMS = 250;
const WINDOW_BYTES = 64 * 1024 - 1;

/**
 * Looks at a connection's first bytes and hands it to the HTTP/1.1 or the HTTP/2 server, so that REST, Connect,
 * gRPC-Web and gRPC share a port. Costs REST nothing: after the first bytes Node serves the socket as its own.
 */
export async function listen(options: {
  host: string;
  port: number;
  handler: RequestHandler;
  deadlines?: Partial<Deadlines> | undefined;
}): Promise<Listener> {
  const deadlines = { ...DEADLINES, ...options.deadlines };
  const handler: RequestHandler = (request, response) => {
    drainAnswered(request, response, deadlines);
    options.handler(request, response);
  };
  const http1 = createHttp1Server(handler, deadlines);
  // A stream that nobody reads holds one window, 64 KiB; a connection no more than all its streams' windows.
  const settings = { maxConcurrentStreams: MAX_CONCURRENT_STREAMS, initialWindowSize: WINDOW_BYTES };
  const http2 = createHttp2Server({ settings }, handler);
  const sessions = watchSessions(deadlines);
  http2.on('session', (session) => sessions.add(session));
  const undecided = new Set<Socket>();
  const door = createNetServer({ noDelay: true }, (socket) => {
    undecided.add(socket);
    dispatch(socket, { http1, http2, headMs: deadlines.headMs }, () => undecided.delete(socket));
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
      sessions.close();
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
        sessions.destroy();
      }, deadlineMs);
      await closed;
      clearTimeout(grace);
      clearInterval(idle);
      clearTimeout(deadline);
    },
  };
}

function dispatch(
  socket: Socket,
  { http1, http2, headMs }: { http1: Http1Server; http2: Http2Server; headMs: number },
  decided: () => void,
): void {
  const giveUp = () => socket.destroy();
  const timer = setTimeout(giveUp, headMs);
  const onClose = () => {
    clearTimeout(timer);
    decided();
  };
  socket.on('error', giveUp);
  socket.once('close', onClose);
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
    socket.off('close', onClose);
    onClose();
    socket.unshift(head);
    (maybeHttp2 ? http2 : http1).emit('connection', socket);
  };
  socket.on('readable', onReadable);
}
