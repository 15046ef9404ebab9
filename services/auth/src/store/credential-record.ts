import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { CredentialKind, type CredentialSchema } from '@millrace/contracts/millrace/auth/v1/auth';
import { z } from 'zod';
import { rateLimitRecord } from './workspace-record.ts';

const storedKind = z.enum(['analytics_key', 'secret_key', 'external_event_token', 'environment']);

/** A credential as it is stored: never its secret. Its record key is the other half of the hash. */
export const credentialRecord = z.object({
  id: z.string(),
  /** Half of the keyed hash of the secret, base64url. */
  proof: z.string(),
  workspaceId: z.string(),
  userId: z.string(),
  kind: storedKind,
  name: z.string(),
  permissions: z.array(z.string()).readonly(),
  active: z.boolean(),
  prefix: z.string(),
  lastFour: z.string(),
  createdAtMs: z.number(),
  /** Null for never. */
  expiresAtMs: z.number().nullable(),
  /** To the minute; null for never. */
  lastUsedAtMs: z.number().nullable(),
  /** Its own limit; null for the workspace's. */
  rateLimit: rateLimitRecord.nullable().default(null),
  /** The setting it comes from; null for one that was issued. */
  environmentName: z.string().nullable(),
});

/** What `credentialRecord` yields. */
export type CredentialRecord = Readonly<z.output<typeof credentialRecord>>;

/** The name under which a kind is stored. */
export type StoredKind = z.output<typeof storedKind>;

const KINDS = {
  analytics_key: CredentialKind.ANALYTICS_KEY,
  secret_key: CredentialKind.SECRET_KEY,
  external_event_token: CredentialKind.EXTERNAL_EVENT_TOKEN,
  environment: CredentialKind.ENVIRONMENT,
} as const satisfies Record<StoredKind, CredentialKind>;

/** The contract's kind of a stored one. */
export function kindOf(stored: StoredKind): CredentialKind {
  return KINDS[stored];
}

const SHORTEST_SHOWN = 32;

/** What may be shown of a secret so that its owner recognises it; nothing of one so short that this would give it away. */
export function recognisableParts(secret: string): { prefix: string; lastFour: string } {
  if (secret.length < SHORTEST_SHOWN) return { prefix: '', lastFour: '' };
  return { prefix: secret.slice(0, 8), lastFour: secret.slice(-4) };
}

/** A credential as the message of the contract. */
export function toCredentialMessage(record: CredentialRecord): MessageInitShape<typeof CredentialSchema> {
  return {
    id: record.id,
    workspaceId: record.workspaceId,
    userId: record.userId,
    kind: kindOf(record.kind),
    name: record.name,
    permissions: [...record.permissions],
    active: record.active,
    prefix: record.prefix,
    lastFour: record.lastFour,
    createdAt: timestampFromMs(record.createdAtMs),
    ...(record.rateLimit === null ? {} : { rateLimit: record.rateLimit }),
    ...(record.expiresAtMs === null ? {} : { expiresAt: timestampFromMs(record.expiresAtMs) }),
    ...(record.lastUsedAtMs === null ? {} : { lastUsedAt: timestampFromMs(record.lastUsedAtMs) }),
  };
}
