import { createMetricsRegistry } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { createFixedClock } from '@millrace/testkit';
import { SignJWT } from 'jose';
import { createAuthMetrics } from '../src/metrics.ts';
import { createSecretHasher } from '../src/secrets/secret-hash.ts';
import { createIssueSession } from '../src/sessions/issue-session.ts';
import { openSigningKeys } from '../src/sessions/signing-keys.ts';
import { createVerifySession } from '../src/sessions/verify-session.ts';
import { openAuthStore } from '../src/store/auth-store.ts';
import { indexMemberships } from '../src/store/memberships.ts';
import { indexUsers, type UserRecord, userKey } from '../src/store/user-record.ts';
import type { WorkspaceRecord } from '../src/store/workspace-record.ts';
import { type Bench, log } from './auth.ts';

const PARTIES = { issuer: 'millrace', audience: 'millrace' };
/** How long a session lives here. */
export const HOUR_MS = 60 * 60_000;
/** When the clock begins. */
export const NOW_MS = Date.UTC(2026, 0, 1);

/** A person of `workspace`. */
export const user: UserRecord = {
  id: 'user-1',
  email: 'ada@example.com',
  createdAtMs: NOW_MS,
  homeWorkspaceId: 'workspace-1',
  sessionsValidFromMs: 0,
};
/** Where `user` may read. */
export const workspace: WorkspaceRecord = {
  id: 'workspace-1',
  name: 'Ada',
  createdAtMs: NOW_MS,
  members: [{ userId: user.id, role: 'viewer', joinedAtMs: NOW_MS }],
  invitations: [],
  rateLimit: { requestsPerMinute: 60, burst: 10 },
  deletion: null,
};

/** Opens everything that sessions need, at a time that stands still. */
export async function openSessions(bench: Bench) {
  const clock = createFixedClock(NOW_MS);
  const connection = await connectNats({ url: bench.server.url, name: 'test', log });
  const store = await openAuthStore({ connection, replicas: 1, clock, log });
  await store.users.create(userKey(user.email), user);
  await store.workspaces.create(workspace.id, workspace);
  const keys = await openSigningKeys({
    records: store.signingKeys,
    hasher: createSecretHasher('a pepper of thirty-two characters'),
    rotationDays: 30,
    clock,
    log,
  });
  bench.closeLater(async () => {
    await keys.close();
    await store.close();
    await connection.close();
  });
  const verify = createVerifySession({
    store,
    keys,
    users: indexUsers(store.users),
    memberships: indexMemberships(store.workspaces),
    parties: PARTIES,
    clock,
    metrics: createAuthMetrics(createMetricsRegistry({ service: 'test', version: '0' })),
  });
  const issue = createIssueSession({ keys, parties: PARTIES, lifetimeMs: HOUR_MS, clock });
  const fresh = async () => (await issue({ user: currentUser(), workspaceId: workspace.id })).token;
  const currentUser = () => store.users.get(userKey(user.email))?.value ?? user;
  const changeUser = async (change: Partial<UserRecord>) => {
    const revision = store.users.get(userKey(user.email))?.revision ?? 0;
    await store.users.update(userKey(user.email), { ...currentUser(), ...change }, revision);
  };
  const changeWorkspace = async (change: Partial<WorkspaceRecord>) => {
    const revision = store.workspaces.get(workspace.id)?.revision ?? 0;
    await store.workspaces.update(workspace.id, { ...workspace, ...change }, revision);
  };
  /** A session as we would sign it, but for what is said. */
  const signed = (claims: object, header: object = {}): Promise<string> => {
    const { record, privateKey } = keys.inForce();
    const nowSeconds = Math.floor(clock.now() / 1_000);
    return new SignJWT({
      iss: PARTIES.issuer,
      aud: PARTIES.audience,
      sub: user.id,
      workspace_id: workspace.id,
      iat: nowSeconds,
      exp: nowSeconds + 600,
      jti: 'a-session',
      ...claims,
    })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', kid: record.kid, ...header })
      .sign(privateKey);
  };
  return { clock, store, keys, verify, issue, fresh, signed, changeUser, changeWorkspace };
}

/** A part of a JWT from its JSON. */
export function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The JSON of a part of a JWT. */
export function decode(part: string | undefined): Record<string, unknown> {
  // The callers are tests: another shape fails where it is used.
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
}
