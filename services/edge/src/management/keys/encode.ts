import { type Credential, CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { isoTime, MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { codeIn, instant, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';

/** A key must not stay in the caches on the way. */
const NOT_CACHED = ['cache-control', 'no-store'];

const KINDS = {
  [CredentialKind.UNSPECIFIED]: 'unknown',
  [CredentialKind.ANALYTICS_KEY]: 'analytics_key',
  [CredentialKind.SECRET_KEY]: 'secret_key',
  [CredentialKind.EXTERNAL_EVENT_TOKEN]: 'external_event_token',
  [CredentialKind.ENVIRONMENT]: 'environment',
  [CredentialKind.SESSION]: 'session',
} as const satisfies Record<CredentialKind, string>;

/** A key without its secret. */
export const apiKey = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    permissions: z.array(z.string()),
    isActive: z.boolean(),
    createdAt: instant().nullable(),
    lastUsedAt: instant().nullable(),
    expiresAt: instant().nullable(),
    kind: codeIn(KINDS),
    prefix: z.string(),
    lastFour: z.string(),
    rateLimit: z.strictObject({ requestsPerMinute: z.int(), burst: z.int() }).nullable(),
  })
  .meta({ id: 'ApiKey' });

/** A key with its secret. */
export const newApiKey = apiKey.extend({ key: z.string() }).meta({ id: 'NewApiKey' });

/** A page of keys. */
export const apiKeys = z.array(apiKey);

/** The only answer that shows a key: to its creation, or to the rotation that made it. */
export function encodeNewKey(answer: { credential?: Credential | undefined; secret: string }): Reply {
  const { id, ...rest } = toKey(answer.credential);
  return jsonReply(newApiKey, 201, { id, key: answer.secret, ...rest }, NOT_CACHED);
}

/** A key without its secret. */
export function encodeKey({ credential }: { credential?: Credential | undefined }): Reply {
  return jsonReply(apiKey, 200, toKey(credential));
}

/** A page of keys. The body is a bare array, so that the way to the next page is a header (RFC 8288). */
export function encodeKeys(credentials: readonly Credential[], next: URLSearchParams | undefined): Reply {
  return jsonReply(apiKeys, 200, credentials.map(toKey), next ? ['link', `<?${next}>; rel="next"`] : []);
}

/** The answer to a deletion. */
export const DELETED: Reply = { status: 204, body: '' };

function toKey(credential: Credential | undefined): z.output<typeof apiKey> {
  if (credential === undefined) throw new MillraceError('internal', 'an answer of auth lacks the credential');
  const { id, name, permissions, active, createdAt, lastUsedAt, expiresAt, prefix, lastFour } = credential;
  const { rateLimit } = credential;
  return {
    id,
    name,
    permissions,
    isActive: active,
    createdAt: isoTime(createdAt),
    lastUsedAt: isoTime(lastUsedAt),
    expiresAt: isoTime(expiresAt),
    kind: KINDS[credential.kind],
    prefix,
    lastFour,
    rateLimit: rateLimit ? { requestsPerMinute: rateLimit.requestsPerMinute, burst: rateLimit.burst } : null,
  };
}
