import type { VerifyCodeRequest } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { type Clock, MillraceError } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { AuthMetrics } from '../metrics.ts';
import type { IssueSession, Session } from '../sessions/issue-session.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { requireFresh } from '../store/auth-store.ts';
import type { Memberships } from '../store/memberships.ts';
import { normalizedEmail, type UserRecord, userKey } from '../store/user-record.ts';
import { acceptInvitations, openInvitations } from '../workspaces/accept-invitations.ts';
import { ensureHomeWorkspace, homeWorkspaceIdFor } from '../workspaces/home-workspace.ts';
import type { CodeSecrets, Codes } from './codes.ts';
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

/** Whether an address, in its normal form, may sign in; no I/O. */
export type MaySignIn = (email: string) => boolean;

/** With `SIGN_UP=invited`: users, who has been invited, and the owner of the installation. Otherwise anybody. */
export function createMaySignIn(options: {
  store: AuthStore;
  memberships: Memberships;
  clock: Clock;
  signUp: 'open' | 'invited';
  /** `BOOTSTRAP_OWNER_EMAIL`. */
  ownerEmail: string | undefined;
}): MaySignIn {
  const { store, memberships, clock, ownerEmail } = options;
  if (options.signUp === 'open') return () => true;
  const owner = ownerEmail === undefined ? undefined : normalizedEmail(ownerEmail);
  return (email) => {
    // All three are looked at for every address, so that the time tells nothing.
    const isOwner = email === owner;
    const isUser = store.users.get(userKey(email)) !== undefined;
    const isInvited = openInvitations(memberships, { email, nowMs: clock.now() }).length > 0;
    return isOwner || isUser || isInvited;
  };
}

/** The user of an address that was just proven; the first time it makes them. Replicas that do so agree on one. */
export async function findOrCreateUser(
  dependencies: {
    store: AuthStore;
    clock: Clock;
    defaultWorkspaceId: string;
    ownerEmail: string | undefined;
    newId: () => string;
  },
  email: string,
): Promise<UserRecord> {
  const { store, clock, newId } = dependencies;
  const recordKey = userKey(email);
  const known = store.users.get(recordKey);
  if (known !== undefined) return known.value;
  const user: UserRecord = {
    id: newId(),
    email,
    createdAtMs: clock.now(),
    homeWorkspaceId: homeWorkspaceIdFor({ ...dependencies, email }),
    sessionsValidFromMs: 0,
  };
  const outcome = await store.users.create(recordKey, user);
  if (outcome.kind === 'written') return user;
  const other = await store.users.read(recordKey);
  if (other === undefined) throw new MillraceError('aborted', 'the user was removed while signing in');
  return other.value;
}
