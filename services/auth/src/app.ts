import { randomBytes } from 'node:crypto';
import type { Clock, GrpcServiceBinding, Logger, MetricsRegistry } from '@millrace/runtime';
import type { NatsConnection } from '@millrace/stores';
import { announceChanges } from './announce-changes.ts';
import { openAuthStore } from './auth-store.ts';
import type { AuthConfig } from './config.ts';
import { createCreateCredential } from './create-credential.ts';
import { indexCredentialIds } from './credential-ids.ts';
import { ensureDefaultWorkspace } from './default-workspace.ts';
import { environmentCredentials } from './environment-credentials.ts';
import { createLastUsed } from './last-used.ts';
import { createAuthMetrics } from './metrics.ts';
import { openSecretHasher } from './pepper.ts';
import { reconcileCredentials } from './reconcile-credentials.ts';
import { createAuthService } from './service.ts';
import type { Verdict } from './verdict.ts';
import { createVerify } from './verify.ts';

/** The auth role of a process. */
export interface Auth {
  /** Who a presented credential belongs to; no I/O. Throws `unavailable` when the store is out of reach. */
  verify(secret: string): Verdict;
  /** For a gRPC server. */
  readonly binding: GrpcServiceBinding;
  readonly defaultWorkspaceId: string;
  /** Writes what is pending and stops following the store; the connection stays open. */
  close(): Promise<void>;
}

/** Opens the store, makes the environment's credentials what the environment says, and answers from then on. */
export async function createAuth(options: {
  connection: NatsConnection;
  config: AuthConfig;
  clock: Clock;
  log: Logger;
  registry: MetricsRegistry;
}): Promise<Auth> {
  const { connection, config, clock, log } = options;
  const metrics = createAuthMetrics(options.registry);
  const store = await openAuthStore({ connection, replicas: config.NATS_REPLICAS, clock, log });
  const { credentials, settings } = store;
  try {
    announceChanges({ credentials, connection, metrics, log });
    const hasher = await openSecretHasher({ settings, pepper: config.KEY_PEPPER, log });
    const defaultWorkspaceId = await ensureDefaultWorkspace({
      store,
      configuredId: config.BOOTSTRAP_WORKSPACE_ID,
      clock,
    });
    await reconcileCredentials({
      credentials,
      wanted: environmentCredentials(config),
      workspaceId: defaultWorkspaceId,
      hasher,
      clock,
      log,
    });
    const lastUsed = createLastUsed({ credentials, log });
    const verify = createVerify({ credentials, hasher, lastUsed, clock, metrics });
    const ids = indexCredentialIds(credentials);
    const createCredential = createCreateCredential({ store, hasher, randomBytes, clock });
    return {
      verify,
      binding: createAuthService({ credentials, ids, verify, createCredential }),
      defaultWorkspaceId,
      async close() {
        await lastUsed.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
