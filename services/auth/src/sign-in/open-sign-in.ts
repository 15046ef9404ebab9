import { randomInt } from 'node:crypto';
import type { Clock, GrpcServiceBinding, Logger } from '@millrace/runtime';
import type { AuditLog, Redis } from '@millrace/stores';
import type { AuthConfig } from '../config.ts';
import type { Mailer } from '../mail/mailer.ts';
import type { AuthMetrics } from '../metrics.ts';
import type { SecretHasher } from '../secrets/secret-hash.ts';
import { createIssueSession } from '../sessions/issue-session.ts';
import { openSigningKeys } from '../sessions/signing-keys.ts';
import { createVerifySession } from '../sessions/verify-session.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { Memberships } from '../store/memberships.ts';
import type { UserIndex } from '../store/user-index.ts';
import type { Verdict } from '../verdict.ts';
import { createCodeSecrets } from './code-secrets.ts';
import { createCodesInMemory } from './codes-in-memory.ts';
import { createCodesInRedis } from './codes-in-redis.ts';
import { createCreateSession } from './create-session.ts';
import { createEndSessions } from './end-sessions.ts';
import { createMaySignIn } from './may-sign-in.ts';
import { createRequestCode } from './request-code.ts';
import { createSignInService } from './service.ts';
import { createSignInAudit } from './sign-in-audit.ts';
import { createVerifyCode } from './verify-code.ts';

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
