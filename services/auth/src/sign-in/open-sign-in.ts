import { randomInt } from 'node:crypto';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { SignInService, type UserSchema } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { bindService, type Clock, type GrpcServiceBinding, type Logger } from '@millrace/runtime';
import type { AuditLog, Redis } from '@millrace/stores';
import type { AuthConfig } from '../config.ts';
import type { Mailer } from '../mail/mailer.ts';
import type { AuthMetrics } from '../metrics.ts';
import type { SecretHasher } from '../secrets/secret-hash.ts';
import { createIssueSession } from '../sessions/issue-session.ts';
import { openSigningKeys, type SigningKeys } from '../sessions/signing-keys.ts';
import { createVerifySession } from '../sessions/verify-session.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { Memberships } from '../store/memberships.ts';
import type { UserIndex, UserRecord } from '../store/user-record.ts';
import type { Verdict } from '../verify.ts';
import { createCodeSecrets, createCodesInMemory } from './codes.ts';
import { createCodesInRedis } from './codes-in-redis.ts';
import { createRequestCode } from './request-code.ts';
import { createCreateSession, createEndSessions, userNotFound } from './sessions.ts';
import { createSignInAudit } from './sign-in-audit.ts';
import { createMaySignIn, createVerifyCode } from './verify-code.ts';

/** Everything about people who sign in. */
export interface SignIn {
  readonly binding: GrpcServiceBinding;
  /** Who a presented session belongs to. Throws `unavailable` when the store is out of reach. */
  verifySession(token: string): Promise<Verdict>;
  close(): Promise<void>;
}

/** Composes it: codes in Redis when there is one, keys from the store, sessions on top. */
export async function openSignIn(options: {
  store: AuthStore;
  /** Where codes are kept for all replicas; undefined for this process's memory. */
  redis: Redis | undefined;
  hasher: SecretHasher;
  users: UserIndex;
  memberships: Memberships;
  audit: AuditLog;
  mailer: Mailer;
  defaultWorkspaceId: string;
  newId: () => string;
  config: AuthConfig;
  clock: Clock;
  log: Logger;
  metrics: AuthMetrics;
}): Promise<SignIn> {
  const { config, store, hasher, clock, log } = options;
  const keys = await openSigningKeys({
    records: store.signingKeys,
    hasher,
    rotationDays: config.JWT_ROTATION_DAYS,
    clock,
    log,
  });
  const { redis } = options;
  const shared = {
    ...options,
    ownerEmail: config.BOOTSTRAP_OWNER_EMAIL,
    parties: { issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE },
    keys,
    codes: redis === undefined ? createCodesInMemory({ clock }) : createCodesInRedis(redis),
    secrets: createCodeSecrets({ hasher, randomInt }),
    signInAudit: createSignInAudit(options),
  };
  const maySignIn = createMaySignIn({ ...shared, signUp: config.SIGN_UP });
  const issueSession = createIssueSession({ ...shared, lifetimeMs: config.JWT_LIFETIME_MINUTES * 60_000 });
  return {
    binding: createSignInService({
      requestCode: createRequestCode({ ...shared, maySignIn }),
      verifyCode: createVerifyCode({ ...shared, maySignIn, issueSession }),
      createSession: createCreateSession({ ...shared, issueSession }),
      endSessions: createEndSessions(shared),
      users: options.users,
      keys,
    }),
    verifySession: createVerifySession(shared),
    async close() {
      await shared.signInAudit.close();
      await keys.close();
    },
  };
}

/** `millrace.auth.v1.SignInService` over the use cases. */
function createSignInService(options: {
  requestCode: ReturnType<typeof createRequestCode>;
  verifyCode: ReturnType<typeof createVerifyCode>;
  createSession: ReturnType<typeof createCreateSession>;
  endSessions: ReturnType<typeof createEndSessions>;
  users: UserIndex;
  keys: SigningKeys;
}): GrpcServiceBinding {
  return bindService(SignInService, {
    requestCode: options.requestCode,
    async verifyCode(request) {
      const { user, workspaceId, session } = await options.verifyCode(request);
      return {
        token: session.token,
        expiresAt: timestampFromMs(session.expiresAtMs),
        user: toUserMessage(user),
        workspaceId,
      };
    },
    async createSession(request) {
      const { token, expiresAtMs } = await options.createSession(request);
      return { token, expiresAt: timestampFromMs(expiresAtMs) };
    },
    async endSessions(request) {
      await options.endSessions(request);
      return {};
    },
    async getUser({ userId }) {
      const user = options.users.byId(userId);
      if (user === undefined) throw userNotFound();
      return { user: toUserMessage(user) };
    },
    getSigningKeys: async () => ({ jwksJson: options.keys.jwksJson() }),
  });
}

function toUserMessage(user: UserRecord): MessageInitShape<typeof UserSchema> {
  return { id: user.id, email: user.email, createdAt: timestampFromMs(user.createdAtMs) };
}
