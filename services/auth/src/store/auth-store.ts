import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import {
  type NatsConnection,
  openRecords,
  openWorkspaceDeletions,
  type Records,
  type WorkspaceDeletionRecord,
} from '@millrace/stores';
import { z } from 'zod';
import { type CredentialRecord, credentialRecord } from './credential-record.ts';
import { type UserRecord, userRecord } from './user-record.ts';
import { type WorkspaceRecord, workspaceRecord } from './workspace-record.ts';

const settingRecord = z.object({ value: z.string() });

/** A fact that all replicas share. */
export type SettingRecord = Readonly<z.output<typeof settingRecord>>;

/** Everything that auth keeps, each aggregate in a bucket of its own. */
export interface AuthStore {
  /** By the first half of the secret's hash. */
  readonly credentials: Records<CredentialRecord>;
  /** By id. */
  readonly workspaces: Records<WorkspaceRecord>;
  /** By id; analytics works them off. */
  readonly workspaceDeletions: Records<WorkspaceDeletionRecord>;
  /** By the hash of the address, see `userKey`. */
  readonly users: Records<UserRecord>;
  /** By `kid`. */
  readonly signingKeys: Records<SigningKeyRecord>;
  /** By name. */
  readonly settings: Records<SettingRecord>;
  close(): Promise<void>;
}

/** Opens the buckets and returns when their indexes are complete. */
export async function openAuthStore(options: {
  connection: NatsConnection;
  replicas: number;
  clock: Clock;
  log: Logger;
}): Promise<AuthStore> {
  const open = <T>(bucket: string, schema: z.ZodType<T>): Promise<Records<T>> =>
    openRecords({ ...options, bucket, parse: (stored) => schema.parse(stored) });
  const [credentials, workspaces, workspaceDeletions, users, signingKeys, settings] = await Promise.all([
    open('auth-credentials', credentialRecord),
    open('auth-workspaces', workspaceRecord),
    openWorkspaceDeletions(options),
    open('auth-users', userRecord),
    open('auth-signing-keys', signingKeyRecord),
    open('auth-settings', settingRecord),
  ]);
  return {
    credentials,
    workspaces,
    workspaceDeletions,
    users,
    signingKeys,
    settings,
    async close() {
      const opened = [credentials, workspaces, workspaceDeletions, users, signingKeys, settings];
      await Promise.all(opened.map((records) => records.close()));
    },
  };
}

/** How long the index may be cut off from the store before its answers are not given any more, in milliseconds. */
const MAX_STALE_MS = 5_000;

/** Throws `unavailable` once any of these may have missed a change, a revocation for example, for longer than 5 s. */
export function requireFresh(
  clock: Clock,
  indexes: readonly { readonly staleSinceMs: number | undefined }[],
): void {
  for (const { staleSinceMs } of indexes) {
    if (staleSinceMs === undefined || clock.monotonic() - staleSinceMs <= MAX_STALE_MS) continue;
    throw new MillraceError('unavailable', 'credentials can not be verified now');
  }
}

/** Keeps `proposed` under a name, unless a replica was first: then what that one kept. */
export async function keepSetting(
  settings: AuthStore['settings'],
  name: string,
  proposed: string,
): Promise<string> {
  const known = settings.get(name);
  if (known !== undefined) return known.value.value;
  const outcome = await settings.create(name, { value: proposed });
  if (outcome.kind === 'written') return proposed;
  const kept = await settings.read(name);
  if (kept === undefined)
    throw new MillraceError('aborted', 'a shared setting was removed while it was made');
  return kept.value.value;
}

/** A key pair that signs sessions, as it is stored under its `kid`. */
const signingKeyRecord = z.object({
  kid: z.string(),
  /** The public JWK. */
  publicJwk: z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string() }),
  /** The private JWK, sealed with a key that comes from the pepper: what is stored signs nothing by itself. */
  sealedPrivateJwk: z.string(),
  createdAtMs: z.number(),
  /** When it began or begins to sign; every replica and every reader of the key set has heard of it by then. */
  signsFromMs: z.number(),
});

/** What `signingKeyRecord` yields. */
export type SigningKeyRecord = Readonly<z.output<typeof signingKeyRecord>>;
