import { Pool } from 'undici';
import type { EventRequest } from './dialect-requests.ts';

/** What became of one request. */
export type Answer =
  | { readonly kind: 'stored'; readonly ids: readonly string[]; readonly body: string }
  /** Answered, but not 2xx: 503 while a store is away. */
  | { readonly kind: 'refused'; readonly status: number; readonly body: string }
  /** Nobody listened: nothing was sent. */
  | { readonly kind: 'unreachable' }
  /** The connection ended before the answer. */
  | { readonly kind: 'reset' }
  /** No answer within the client's patience. */
  | { readonly kind: 'unanswered' };

/** Sends events over keep-alive connections and measures how long answers take. */
export interface HttpClient {
  send(request: EventRequest): Promise<Answer>;
  /** So many requests can be under way; one more waits in the client. */
  readonly connections: number;
  /** Milliseconds of the slowest answer, or of the wait for one that never came. */
  readonly longestMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** What was said of each connection that ended before its answer. */
  readonly resets: readonly string[];
  close(): Promise<void>;
}

const patienceMs = 13_000;

/** Opens a client with a fixed number of connections. */
export function openHttpClient(options: { url: string; connections: number }): HttpClient {
  const pool = new Pool(options.url, {
    connections: options.connections,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 600_000,
    connect: { timeout: 5_000 },
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const outcomes: Record<string, number> = {};
  const resets: string[] = [];
  let longestMs = 0;

  const attempt = async (request: EventRequest): Promise<Answer> => {
    try {
      const response = await pool.request({
        method: 'POST',
        path: request.path,
        headers: request.headers,
        body: request.body,
        signal: AbortSignal.timeout(patienceMs),
      });
      const body = await response.body.text();
      const { statusCode: status } = response;
      if (status < 200 || status > 299) return { kind: 'refused', status, body };
      return { kind: 'stored', ids: request.storedIn(body), body };
    } catch (error) {
      const kind = failureKind(error);
      if (kind === 'reset') resets.push(String(error));
      return { kind };
    }
  };

  return {
    async send(request) {
      const startedAt = performance.now();
      const answer = await attempt(request);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      const name = answer.kind === 'refused' ? String(answer.status) : answer.kind;
      outcomes[name] = (outcomes[name] ?? 0) + 1;
      return answer;
    },
    connections: options.connections,
    get longestMs() {
      return longestMs;
    },
    outcomes,
    resets,
    close: () => pool.destroy(),
  };
}

function failureKind(error: unknown): 'unreachable' | 'reset' | 'unanswered' {
  if (!(error instanceof Error)) throw error;
  if (error.name === 'TimeoutError') return 'unanswered';
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT') return 'unreachable';
  if (['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(code)) return 'reset';
  throw error;
}
