import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import type { AccessRule } from '../../server/route.ts';
import { mayBeCredentialId } from './credential-id.ts';

/** Who may manage keys: a person or a key, in either header. */
export const KEYS_ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['api-keys:manage'] };

/** The id in the path. One that can't be any key's is answered as auth answers one that the workspace hasn't. */
export function keyId(exchange: Exchange): string {
  const id = exchange.params['id'] ?? '';
  if (!mayBeCredentialId(id)) throw new RequestFailure({ kind: 'not_found', message: 'no such credential' });
  return id;
}

/** A limit as auth takes it; null is none, and without a burst auth chooses one. */
export function toLimit(limit: { requestsPerMinute: number; burst?: number | undefined } | null) {
  return { requestsPerMinute: limit?.requestsPerMinute ?? 0, burst: limit?.burst ?? 0 };
}
