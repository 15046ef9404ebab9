import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { CreateSessionRequest } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import { requiredActor } from '../actor.ts';
import type { IssueSession, Session } from '../sessions/issue-session.ts';
import type { Memberships } from '../store/memberships.ts';
import type { UserIndex } from '../store/user-index.ts';
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
    const notAfterMs = timestampMs(notAfter);
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
