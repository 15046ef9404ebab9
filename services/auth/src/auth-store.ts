import type { Clock, Logger } from '@millrace/runtime';
import { type NatsConnection, openRecords, type Records } from '@millrace/stores';
import { z } from 'zod';
import { type CredentialRecord, credentialRecord } from './credential-record.ts';

const workspaceRecord = z.object({
  id: z.string(),
  name: z.string(),
  createdAtMs: z.number(),
});

const settingRecord = z.object({ value: z.string() });

/** A tenant. */
export type WorkspaceRecord = Readonly<z.output<typeof workspaceRecord>>;

/** A fact that all replicas share. */
export type SettingRecord = Readonly<z.output<typeof settingRecord>>;

/** Everything that auth keeps, each aggregate in a bucket of its own. */
export interface AuthStore {
  /** By the first half of the secret's hash. */
  readonly credentials: Records<CredentialRecord>;
  /** By id. */
  readonly workspaces: Records<WorkspaceRecord>;
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
  const [credentials, workspaces, settings] = await Promise.all([
    openRecords({
      ...options,
      bucket: 'auth-credentials',
      parse: (stored) => credentialRecord.parse(stored),
    }),
    openRecords({ ...options, bucket: 'auth-workspaces', parse: (stored) => workspaceRecord.parse(stored) }),
    openRecords({ ...options, bucket: 'auth-settings', parse: (stored) => settingRecord.parse(stored) }),
  ]);
  return {
    credentials,
    workspaces,
    settings,
    async close() {
      await Promise.all([credentials.close(), workspaces.close(), settings.close()]);
    },
  };
}
