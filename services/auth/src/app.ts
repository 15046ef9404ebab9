import { randomBytes } from 'node:crypto';
import { SignInService } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { WorkspaceService } from '@millrace/contracts/millrace/auth/v1/workspace';
import {
  bindService,
  type Clock,
  type GrpcServiceBinding,
  type Logger,
  type MetricsRegistry,
} from '@millrace/runtime';
import type { NatsConnection } from '@millrace/stores';
import { announceChanges } from './announce-changes.ts';
import { openAuthStore } from './auth-store.ts';
import type { AuthConfig } from './config.ts';
import { createCreateCredential } from './credentials/create-credential.ts';
import { indexCredentialIds } from './credentials/credential-ids.ts';
import { environmentCredentials } from './credentials/environment-credentials.ts';
import { createLastUsed } from './credentials/last-used.ts';
import { openSecretHasher } from './credentials/pepper.ts';
import { reconcileCredentials } from './credentials/reconcile-credentials.ts';
import { createAuthMetrics } from './metrics.ts';
import { createAuthService } from './service.ts';
import type { Verdict } from './verdict.ts';
import { createVerify } from './verify.ts';
import { ensureDefaultWorkspace } from './workspaces/default-workspace.ts';

/** The auth role of a process. */
export interface Auth {
  /** Who a presented credential belongs to; no I/O. Throws `unavailable` when the store is out of reach. */
  verify(secret: string): Verdict | Promise<Verdict>;
  /** For a gRPC server, or for calls in process. */
  readonly bindings: AuthBindings;
  readonly defaultWorkspaceId: string;
  /** Writes what is pending and stops following the store; the connection stays open. */
  close(): Promise<void>;
}

/** What auth answers. */
export interface AuthBindings {
  readonly credentials: GrpcServiceBinding;
  readonly signIn: GrpcServiceBinding;
  readonly workspaces: GrpcServiceBinding;
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
    const verify = createVerify({ store, hasher, lastUsed, clock, metrics });
    const ids = indexCredentialIds(credentials);
    const createCredential = createCreateCredential({ store, hasher, randomBytes, clock });
    return {
      verify,
      bindings: {
        credentials: createAuthService({ credentials, ids, verify, createCredential, defaultWorkspaceId }),
        signIn: bindService(SignInService, {}),
        workspaces: bindService(WorkspaceService, {}),
      },
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
