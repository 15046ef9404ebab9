import type { VerifyCodeRequest } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { type Clock, MillraceError } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { AuthMetrics } from '../metrics.ts';
import type { IssueSession, Session } from '../sessions/issue-session.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { Memberships } from '../store/memberships.ts';
import { requireFresh } from '../store/require-fresh.ts';
import { normalizedEmail, type UserRecord, userKey } from '../store/user-record.ts';
import { acceptInvitations } from '../workspaces/accept-invitations.ts';
import { ensureHomeWorkspace } from '../workspaces/home-workspace.ts';
import type { CodeSecrets } from './code-secrets.ts';
import type { Codes } from './codes.ts';
import { findOrCreateUser } from './find-or-create-user.ts';
import type { MaySignIn } from './may-sign-in.ts';
import type { SignInAudit } from './sign-in-audit.ts';

/** What a right code yields. */
export interface SignedIn {
  readonly user: UserRecord;
  readonly workspaceId: string;
  readonly session: Session;
}

/**
 * Makes the use case that exchanges a code for a session. A wrong, used, over-tried or old code, and an address that
 * has none, are the same `unauthenticated`. Every step after the code can be repeated by signing in again.
 */
export function createVerifyCode(options: {
  store: AuthStore;
  codes: Codes;
  secrets: CodeSecrets;
  maySignIn: MaySignIn;
  memberships: Memberships;
  issueSession: IssueSession;
  audit: AuditLog;
  signInAudit: SignInAudit;
  defaultWorkspaceId: string;
  ownerEmail: string | undefined;
  newId: () => string;
  clock: Clock;
  metrics: AuthMetrics;
}) {
  const { store, codes, secrets, memberships, signInAudit, clock, metrics } = options;

  const proveAddress = async (email: string, request: VerifyCodeRequest): Promise<void> => {
    const addressKey = secrets.addressKey(email);
    const stored = await codes.takeTry(addressKey);
    const given = secrets.codeHash(email, request.code);
    const isRight = secrets.isRight(given, stored);
    if (isRight && options.maySignIn(email) && (await codes.consume(addressKey, given))) return;
    metrics.signIns.add(['refused']);
    // Only guesses that were looked at are told: five for a code, so that a flood of them fills no log.
    const user = stored === undefined ? undefined : store.users.get(userKey(email))?.value;
    if (user !== undefined) signInAudit.refused(user, request.actor);
    throw new MillraceError('unauthenticated', 'the code is wrong, used, or too old');
  };

  return async (request: VerifyCodeRequest): Promise<SignedIn> => {
    const email = normalizedEmail(request.email);
    // A code that can't be exchanged now must not be used up.
    requireFresh(clock, [store.users, store.workspaces, store.signingKeys]);
    await proveAddress(email, request);
    const { ipAddress = '', requestId = '' } = request.actor ?? {};
    const proven = { ...options, origin: { ipAddress, requestId } };
    const known = await findOrCreateUser(options, email);
    await ensureHomeWorkspace(proven, known);
    await acceptInvitations(proven, known);
    // They may have been given another home.
    const user = store.users.get(userKey(email))?.value ?? known;
    const workspaceId = await workspaceToBeginIn(store, memberships, user);
    const session = await options.issueSession({ user, workspaceId });
    await signInAudit.signedIn(user, { id: session.id, workspaceId }, request.actor);
    metrics.signIns.add(['succeeded']);
    return { user, workspaceId, session };
  };
}

/** The home workspace, or the oldest of the others for somebody who was removed from it. */
async function workspaceToBeginIn(
  store: AuthStore,
  memberships: Memberships,
  user: UserRecord,
): Promise<string> {
  if (memberships.roleOf(user.homeWorkspaceId, user.id) !== undefined) return user.homeWorkspaceId;
  // Another replica may just have made it: the index need not show that yet.
  const home = await store.workspaces.read(user.homeWorkspaceId);
  if (home?.value.members.some(({ userId }) => userId === user.id)) return user.homeWorkspaceId;
  const [oldest] = memberships.workspacesOf(user.id);
  if (oldest === undefined) throw new MillraceError('permission_denied', 'you are a member of no workspace');
  return oldest.id;
}
