import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type CreateCredentialRequest, CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, MillraceError, uuidv7 } from '@millrace/runtime';
import type { AuthStore } from '../auth-store.ts';
import { checkedRateLimit } from '../rate-limit.ts';
import { checkedName, checkedPermissions } from './credential-input.ts';
import { type CredentialRecord, recognisableParts, type StoredKind } from './credential-record.ts';
import type { SecretHasher } from './secret-hash.ts';

const SECRET_BYTES = 32;
const DAY_MS = 24 * 60 * 60 * 1000;

/** How each kind of credential is issued. */
const FORMS = new Map<
  CredentialKind,
  { stored: StoredKind; write: (random: Buffer) => string; lifetimeMs: number | null }
>([
  [
    CredentialKind.ANALYTICS_KEY,
    { stored: 'analytics_key', write: (random) => `evp_${random.toString('base64url')}`, lifetimeMs: null },
  ],
  [
    CredentialKind.SECRET_KEY,
    { stored: 'secret_key', write: (random) => `sk_${random.toString('base64url')}`, lifetimeMs: null },
  ],
  [
    CredentialKind.EXTERNAL_EVENT_TOKEN,
    { stored: 'external_event_token', write: (random) => random.toString('hex'), lifetimeMs: 365 * DAY_MS },
  ],
]);

/** Makes the use case that issues a credential; the secret is in its answer only. */
export function createCreateCredential(options: {
  store: AuthStore;
  hasher: SecretHasher;
  randomBytes: (count: number) => Buffer;
  clock: Clock;
}) {
  const { store, hasher, clock } = options;
  return async (request: CreateCredentialRequest): Promise<{ record: CredentialRecord; secret: string }> => {
    const form = FORMS.get(request.kind);
    if (form === undefined) throw new MillraceError('invalid_argument', 'kind: this kind is not issued');
    const nowMs = clock.now();
    const expiresAtMs = request.expiresAt
      ? timestampMs(request.expiresAt)
      : form.lifetimeMs === null
        ? null
        : nowMs + form.lifetimeMs;
    if (expiresAtMs !== null && expiresAtMs <= nowMs) {
      throw new MillraceError('invalid_argument', 'expires_at: must be in the future');
    }
    const name = checkedName(request.name);
    const permissions = checkedPermissions(request.permissions);
    if (store.workspaces.get(request.workspaceId) === undefined) {
      throw new MillraceError('not_found', 'no such workspace');
    }
    const secret = form.write(options.randomBytes(SECRET_BYTES));
    const hash = hasher.hash(secret);
    const record: CredentialRecord = {
      id: uuidv7(nowMs),
      proof: hash.proof,
      workspaceId: request.workspaceId,
      userId: request.userId,
      kind: form.stored,
      name,
      permissions,
      active: true,
      ...recognisableParts(secret),
      createdAtMs: nowMs,
      expiresAtMs,
      rateLimit: request.rateLimit ? checkedRateLimit(request.rateLimit) : null,
      lastUsedAtMs: null,
      environmentName: null,
    };
    const outcome = await store.credentials.create(hash.recordKey, record);
    if (outcome.kind === 'conflict') throw new MillraceError('internal', 'a new secret was not unique');
    return { record, secret };
  };
}
