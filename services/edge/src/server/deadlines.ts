import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';

/** How long clients may take, in milliseconds; the same for every route and protocol. */
export interface Deadlines {
  /** For the head of a request, from its first byte to its last. */
  readonly headMs: number;
  /** For a request's body, from the end of its head. */
  readonly bodyMs: number;
  /** For taking an answer: after one to two of these it is given up. */
  readonly answerMs: number;
  /** For the rest of a body whose request is answered; it is thrown away. */
  readonly lingerMs: number;
  /** For an HTTP/1.1 connection without a request. */
  readonly keepAliveMs: number;
  /** For an HTTP/2 connection without a stream. */
  readonly sessionIdleMs: number;
  /** Between two looks at the connections. */
  readonly checkMs: number;
}

/** The deadlines of a server that is told no others. */
export const DEADLINES: Deadlines = {
  headMs: 12_000,
  bodyMs: 30_000,
  answerMs: 30_000,
  lingerMs: 2_000,
  keepAliveMs: 72_000,
  sessionIdleMs: 300_000,
  checkMs: 2_000,
};

/** Most of an answered request's body that is read and thrown away, in bytes. */
const LINGER_BYTES = 32 * 1024 * 1024;

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/**
 * Holds a request to its deadlines, by one timer: a body that is late is told to `onLate`, which answers; an answer that isn't taken
 * ends the stream or the connection. Returns what ends the watch.
 */
export function watchRequest(
  request: Request,
  response: Response,
  { bodyMs, answerMs }: Pick<Deadlines, 'bodyMs' | 'answerMs'>,
  onLate: () => void,
): () => void {
  let answered = false;
  let untakenBytes = 0;
  const check = (): void => {
    // An answer that is streamed may be stuck long before its end.
    const leftBytes = untaken(response);
    if (answered || (leftBytes > 0 && leftBytes === untakenBytes)) {
      endRequest(request, constants.NGHTTP2_CANCEL);
      return;
    }
    answered = response.writableEnded;
    untakenBytes = leftBytes;
    if (!answered && !hasArrived(request)) onLate();
    timer = setTimeout(check, answerMs);
  };
  let timer = setTimeout(check, bodyMs);
  return () => clearTimeout(timer);
}

/** What of an answer has been written and not been sent, in bytes. */
function untaken(response: Response): number {
  return 'stream' in response ? (response.stream?.writableLength ?? 0) : response.writableLength;
}

/**
 * Throws the rest of a body away once its request is answered: a connection that is closed with bytes unread is reset, and the client
 * may then never see the answer. What doesn't end soon is cut off.
 */
export function drainAnswered(request: Request, response: Response, { lingerMs }: Deadlines): void {
  if (hasNoBody(request)) return;
  // Of an HTTP/2 response Node tells that it is finished only when its stream has closed, which the body's end may never let it.
  const answer = 'stream' in response ? response.stream : response;
  answer.once('finish', () => {
    if (hasArrived(request)) return;
    let left = LINGER_BYTES;
    const release = () => clearTimeout(timer);
    const cutOff = () => {
      release();
      if (!hasArrived(request)) endRequest(request, constants.NGHTTP2_NO_ERROR);
    };
    const timer = setTimeout(cutOff, lingerMs);
    request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) cutOff();
    });
    request.once('end', release);
    request.once('close', release);
    request.resume();
  });
}

function hasNoBody(request: Request): boolean {
  if ('stream' in request) return request.stream.endAfterHeaders;
  const { headers } = request;
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
}

function hasArrived(request: Request): boolean {
  return request.complete || hasNoBody(request);
}

/** Longest that a stream may take to go once it is reset, in milliseconds: its client may not even read that. */
const RESET_MS = 2_000;

/** Ends a request for good: the stream over HTTP/2, the connection over HTTP/1.1. */
function endRequest(request: Request, code: number): void {
  if (!('stream' in request)) {
    request.socket.destroy();
    return;
  }
  const { stream } = request;
  const { session } = stream;
  // A reset takes back what is queued. Timers that are all late run one after the other, before an answer has been written out.
  setImmediate(() => {
    if (stream.destroyed) return;
    stream.close(code);
    const timer = setTimeout(() => session?.destroy(), RESET_MS);
    stream.once('close', () => clearTimeout(timer));
  });
}

/** The HTTP/2 connections of a server, held to their deadlines. */
export interface WatchedSessions {
  add(session: ServerHttp2Session): void;
  /** Takes no more streams; sessions close when their last one has ended. */
  close(): void;
  destroy(): void;
}

/** What is known of a connection. */
interface Standing {
  streams: number;
  /** Since when there is no stream. */
  idleSinceMs: number;
  /** The last stream whose headers have all come. */
  lastId: number;
  /** A stream whose headers have begun and not ended, and since when that is known. */
  pending: { id: number; sinceMs: number } | undefined;
}

/** Watches the sessions that are added: one sweep for all of them, since Node has no time limit for a header block, and none that PING doesn't renew. */
export function watchSessions(deadlines: Deadlines): WatchedSessions {
  const sessions = new Map<ServerHttp2Session, Standing>();
  let sweep: NodeJS.Timeout | undefined;
  const check = (): void => {
    const now = performance.now();
    for (const [session, standing] of sessions) {
      // A session whose client left an answer unread is destroyed without ever telling so.
      if (session.destroyed) sessions.delete(session);
      else judge(session, standing, now, deadlines);
    }
    if (sessions.size > 0) return;
    clearInterval(sweep);
    sweep = undefined;
  };
  return {
    add(session) {
      const standing: Standing = {
        streams: 0,
        idleSinceMs: performance.now(),
        lastId: 0,
        pending: undefined,
      };
      sessions.set(session, standing);
      sweep ??= setInterval(check, deadlines.checkMs);
      session.on('stream', (stream) => {
        standing.streams++;
        standing.lastId = stream.id ?? standing.lastId;
        stream.once('close', () => {
          standing.streams--;
          standing.idleSinceMs = performance.now();
        });
      });
      session.on('close', () => sessions.delete(session));
      session.on('error', () => session.destroy());
    },
    close() {
      for (const session of sessions.keys()) {
        if (session.destroyed) continue;
        session.goaway();
        session.close();
      }
    },
    destroy() {
      clearInterval(sweep);
      for (const session of sessions.keys()) session.destroy();
    },
  };
}

function judge(session: ServerHttp2Session, standing: Standing, now: number, deadlines: Deadlines): void {
  const isIdle = standing.streams === 0;
  if (isIdle && now - standing.idleSinceMs >= deadlines.sessionIdleMs) {
    session.destroy();
    return;
  }
  // nghttp2 moves this on when a header block begins, Node tells of the stream when it ends.
  const begun = session.state.lastProcStreamID ?? 0;
  if (begun <= standing.lastId) standing.pending = undefined;
  else if (standing.pending?.id !== begun) standing.pending = { id: begun, sinceMs: now };
  else if (now - standing.pending.sinceMs >= deadlines.headMs) {
    // A malformed head looks the same: other streams of the connection end in peace.
    if (isIdle) session.destroy();
    else session.close();
  }
}
