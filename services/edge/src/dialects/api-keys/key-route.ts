import { AUTH_TIMEOUT_MS } from '../../gateway/auth.ts';
import type { AccessRule } from '../../http/access.ts';
import type { Exchange } from '../../http/exchange.ts';
import { RequestFailure } from '../../http/failure.ts';

/** Who may manage keys: a person or a key, in either header. */
export const KEYS_ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['api-keys:manage'] };

/** How auth is called. */
export const CALL_OPTIONS = { timeoutMs: AUTH_TIMEOUT_MS };

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id in the path. One that can't be any key's is answered as auth answers one that the workspace hasn't. */
export function keyId(exchange: Exchange): string {
  const id = exchange.params['id'] ?? '';
  if (!UUID.test(id)) throw new RequestFailure({ kind: 'not_found', message: 'no such credential' });
  return id;
}

/** A limit as auth takes it; null is none, and without a burst auth chooses one. */
export function toLimit(limit: { requestsPerMinute: number; burst?: number | undefined } | null) {
  return { requestsPerMinute: limit?.requestsPerMinute ?? 0, burst: limit?.burst ?? 0 };
}
