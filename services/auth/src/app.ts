import { randomBytes } from 'node:crypto';
import {
  type Clock,
  type GrpcServiceBinding,
  type Logger,
  type MetricsRegistry,
  uuidv7,
  waitWithin,
} from '@millrace/runtime';
import {
  type AuditLog,
  createRateLimiter,
  createRedisQuotas,
  type NatsConnection,
  openAuditLog,
  openRedis,
} from '@millrace/stores';
import { announceChanges } from './announce-changes.ts';
import type { AuthConfig } from './config.ts';
import { createIssueCredential } from './credentials/create-credential.ts';
import { environmentCredentials, reconcileCredentials } from './credentials/environment-credentials.ts';
import { createLastUsed } from './credentials/last-used.ts';
import { createAuthService } from './credentials/service.ts';
import { openMailer } from './mail/mailer.ts';
import { createAuthMetrics } from './metrics.ts';
import type { SecretHasher } from './secrets/secret-hash.ts';
import { openSecretHasher } from './secrets/secret-hash.ts';
import { openSignIn } from './sign-in/open-sign-in.ts';
import { type AuthStore, openAuthStore } from './store/auth-store.ts';
import { indexCredentialIds } from './store/credential-ids.ts';
import { indexMemberships } from './store/memberships.ts';
import { indexUsers } from './store/user-record.ts';
import type { Verdict } from './verify.ts';
import { createVerify } from './verify.ts';
import { ensureBootstrapOwner, ensureDefaultWorkspace } from './workspaces/default-workspace.ts';
import { followDeletedWorkspaces } from './workspaces/deleted-workspaces.ts';
import { createInvitationQuota } from './workspaces/invite-member.ts';
import { createNotifyOwners } from './workspaces/notify-owners.ts';
import { createWorkspaceService } from './workspaces/service.ts';

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
  const { credentials } = store;
  const redis = openRedis(config, log);
  try {
    const audit = await openAuditLog({ connection, replicas: config.NATS_REPLICAS, clock });
    announceChanges({ store, connection, metrics, log });
    const founded = () => found({ store, audit, config, clock, log });
    const { hasher, defaultWorkspaceId } = await waitWithin(
      connection.startup,
      'the records of auth',
      founded,
    );
    const ids = indexCredentialIds(credentials);
    const memberships = indexMemberships(store.workspaces);
    const users = indexUsers(store.users);
    const newId = () => uuidv7(clock.now());
    const mailer = openMailer({ config, clock, metrics, log });
    const limiter = createRateLimiter({
      shared: redis && createRedisQuotas(redis),
      clock,
      log,
      fallbacks: metrics.quotaFallbacks.series([]),
    });
    const lastUsed = createLastUsed({ credentials, log });
    const opened = {
      ...options,
      store,
      redis,
      hasher,
      users,
      memberships,
      audit,
      mailer,
      newId,
      metrics,
      defaultWorkspaceId,
    };
    const signIn = await waitWithin(connection.startup, 'the signing keys', () => openSignIn(opened));
    const { verifySession } = signIn;
    const verify = createVerify({ store, memberships, hasher, lastUsed, verifySession, clock, metrics });
    const issue = createIssueCredential({ credentials, hasher, randomBytes });
    const shared = { store, audit, ids, memberships, users, clock };
    const deletedWorkspaces = followDeletedWorkspaces({ ...shared, defaultWorkspaceId, log });
    return {
      verify,
      bindings: {
        credentials: createAuthService({ ...shared, issue, verify }),
        signIn: signIn.binding,
        workspaces: createWorkspaceService({
          ...shared,
          mailer,
          newId,
          deletedWorkspaces,
          defaultWorkspaceId,
          takeInvitation: createInvitationQuota(limiter),
          notifyOwners: createNotifyOwners({ store, users, mailer, limiter }),
        }),
      },
      defaultWorkspaceId,
      async close() {
        await signIn.close();
        await deletedWorkspaces.close();
        await lastUsed.close();
        await mailer.close();
        redis?.disconnect();
        await store.close();
      },
    };
  } catch (error) {
    redis?.disconnect();
    await store.close();
    throw error;
  }
}

/** Makes of the store what the environment says; may be repeated, whatever of it was done before. */
async function found(options: {
  store: AuthStore;
  audit: AuditLog;
  config: AuthConfig;
  clock: Clock;
  log: Logger;
}): Promise<{ hasher: SecretHasher; defaultWorkspaceId: string }> {
  const { store, audit, config, clock, log } = options;
  const hasher = await openSecretHasher({ settings: store.settings, pepper: config.KEY_PEPPER, log });
  const defaultWorkspaceId = await ensureDefaultWorkspace({
    store,
    configuredId: config.BOOTSTRAP_WORKSPACE_ID,
    clock,
  });
  await reconcileCredentials({
    credentials: store.credentials,
    wanted: environmentCredentials(config),
    workspaceId: defaultWorkspaceId,
    hasher,
    clock,
    log,
  });
  const ownerEmail = config.BOOTSTRAP_OWNER_EMAIL;
  await ensureBootstrapOwner({ store, clock, audit, defaultWorkspaceId, ownerEmail });
  return { hasher, defaultWorkspaceId };
}
