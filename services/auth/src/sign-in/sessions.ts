import type { CreateSessionRequest, EndSessionsRequest } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { type Clock, fieldError, MillraceError, wholeMs } from '@millrace/runtime';
import { requiredActor } from '../actor.ts';
import type { IssueSession, Session } from '../sessions/issue-session.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import type { Memberships } from '../store/memberships.ts';
import type { UserIndex } from '../store/user-record.ts';
import { userKey } from '../store/user-record.ts';
import type { SignInAudit } from './sign-in-audit.ts';

/** Makes the use case that gives a signed-in user a session in another of their workspaces. */
export function createCreateSession(options: {
  users: UserIndex;
  memberships: Memberships;
  issueSession: IssueSession;
  signInAudit: SignInAudit;
  clock: Clock;
}) {
  const { users, memberships, clock } = options;
  return async (request: CreateSessionRequest): Promise<Session> => {
    const { userId, workspaceId, notAfter } = request;
    const actor = requiredActor(request.actor);
    if (notAfter === undefined) throw fieldError('not_after', 'must be set');
    const notAfterMs = wholeMs(notAfter, 'not_after');
    if (notAfterMs <= clock.now()) throw new MillraceError('unauthenticated', 'the session has expired');
    const user = users.byId(userId);
    if (user === undefined || memberships.roleOf(workspaceId, userId) === undefined) {
      throw new MillraceError('not_found', 'no such workspace');
    }
    const session = await options.issueSession({ user, workspaceId, notAfterMs });
    await options.signInAudit.entered({ id: session.id, workspaceId }, actor);
    return session;
  };
}

/** Makes the use case that ends every session of a user: those that began until now. */
export function createEndSessions(options: {
  store: AuthStore;
  users: UserIndex;
  signInAudit: SignInAudit;
  clock: Clock;
}) {
  const { store, users, clock } = options;
  return async (request: EndSessionsRequest): Promise<void> => {
    const actor = requiredActor(request.actor);
    const user = users.byId(request.userId);
    if (user === undefined) throw userNotFound();
    const ended = await changeRecord(store.users, userKey(user.email), (stored) => ({
      ...stored,
      // After each session that began in this millisecond, or was given right after they were last ended.
      sessionsValidFromMs: Math.max(clock.now(), stored.sessionsValidFromMs) + 1,
    }));
    if (ended === undefined) throw userNotFound();
    await options.signInAudit.ended(ended, actor);
  };
}

/** The answer to the id of nobody. */
export function userNotFound(): MillraceError {
  return new MillraceError('not_found', 'no such user');
}
