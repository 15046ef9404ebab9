import type { Clock, Logger } from '@millrace/runtime';
import { type NatsConnection, openRecords, type Records } from '@millrace/stores';
import { z } from 'zod';
import { type CredentialRecord, credentialRecord } from './credential-record.ts';
import { type SigningKeyRecord, signingKeyRecord } from './signing-key-record.ts';
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
  const [credentials, workspaces, users, signingKeys, settings] = await Promise.all([
    open('auth-credentials', credentialRecord),
    open('auth-workspaces', workspaceRecord),
    open('auth-users', userRecord),
    open('auth-signing-keys', signingKeyRecord),
    open('auth-settings', settingRecord),
  ]);
  return {
    credentials,
    workspaces,
    users,
    signingKeys,
    settings,
    async close() {
      const opened = [credentials, workspaces, users, signingKeys, settings];
      await Promise.all(opened.map((records) => records.close()));
    },
  };
}
