import type { EndSessionsRequest } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { type Clock, MillraceError } from '@millrace/runtime';
import { requiredActor } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import type { UserIndex } from '../store/user-index.ts';
import { userKey } from '../store/user-record.ts';
import type { SignInAudit } from './sign-in-audit.ts';

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
