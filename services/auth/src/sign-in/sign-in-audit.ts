import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type { Logger } from '@millrace/runtime';
import type { AuditLog, NewAuditEntry } from '@millrace/stores';
import type { Memberships } from '../store/memberships.ts';
import type { UserRecord } from '../store/user-record.ts';

/** Tells the audit log of sign-ins. The methods with a promise return when it is on disk. */
export interface SignInAudit {
  /** Who proved their address, in each of their workspaces. */
  signedIn(user: UserRecord, session: SessionInWorkspace, actor: Actor | undefined): Promise<void>;
  /** Who changed to another workspace, in that one. */
  entered(session: SessionInWorkspace, actor: Actor): Promise<void>;
  /** Whose sessions were ended, in each of their workspaces. */
  ended(user: UserRecord, actor: Actor): Promise<void>;
  /** A wrong code for a user. In the background: the time of the answer must not tell that there is such a user. */
  refused(user: UserRecord, actor: Actor | undefined): void;
  close(): Promise<void>;
}

interface SessionInWorkspace {
  readonly id: string;
  readonly workspaceId: string;
}

/** Workspaces of one person that are told. */
const MOST_WORKSPACES = 50;

/** Opens it. */
export function createSignInAudit(options: {
  audit: AuditLog;
  memberships: Memberships;
  log: Logger;
}): SignInAudit {
  const { audit, memberships, log } = options;
  const pending = new Set<Promise<void>>();

  const recordIn = async (
    workspaceIds: Iterable<string>,
    entry: Omit<NewAuditEntry, 'workspaceId' | 'target'> & { sessionId?: string },
  ): Promise<void> => {
    const { sessionId = '', ...rest } = entry;
    const target = { type: 'session', id: sessionId };
    const told = [...workspaceIds].slice(0, MOST_WORKSPACES);
    await Promise.all(told.map((workspaceId) => audit.record({ ...rest, target, workspaceId })));
  };
  /** Not the home where they belong no longer: it may be other people's now, or deleted. */
  const allOf = (user: UserRecord): string[] => memberships.workspacesOf(user.id).map(({ id }) => id);

  return {
    signedIn: (user, { id, workspaceId }, actor) =>
      // Another replica may just have made the first.
      recordIn(new Set([workspaceId, ...allOf(user)]), {
        action: 'session.created',
        outcome: 'succeeded',
        actor: beforeSignIn(actor, user.id),
        sessionId: id,
      }),
    entered: ({ id, workspaceId }, actor) =>
      recordIn([workspaceId], { action: 'session.created', outcome: 'succeeded', actor, sessionId: id }),
    ended: (user, actor) => recordIn(allOf(user), { action: 'sessions.ended', outcome: 'succeeded', actor }),
    refused(user, actor) {
      const recording = nextTurn()
        .then(() =>
          recordIn(allOf(user), {
            action: 'session.refused',
            outcome: 'refused',
            // Whoever guessed has not shown to be this user.
            actor: beforeSignIn(actor, ''),
            details: { userId: user.id, reason: 'wrong code' },
          }),
        )
        .catch((error: unknown) => log.error({ err: error }, 'a refused sign-in is missing in the audit log'))
        .finally(() => pending.delete(recording));
      pending.add(recording);
    },
    async close() {
      await Promise.all(pending);
    },
  };
}

function beforeSignIn(actor: Actor | undefined, userId: string): NewAuditEntry['actor'] {
  return { userId, credentialId: '', ipAddress: actor?.ipAddress ?? '', requestId: actor?.requestId ?? '' };
}
