import type { InviteMemberRequest } from '@millrace/contracts/millrace/auth/v1/workspace';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import { requiredActor } from '../actor.ts';
import type { Mail, Mailer } from '../mail/mailer.ts';
import type { UserIndex } from '../store/user-index.ts';
import { normalizedEmail, userKey } from '../store/user-record.ts';
import type { InvitationRecord, WorkspaceRecord } from '../store/workspace-record.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import type { TakeInvitation } from './invitation-quota.ts';
import { requireStanding } from './standing.ts';
import { checkedRole } from './workspace-input.ts';
import { MAX_MEMBERS, MAX_OPEN_INVITATIONS } from './workspace-limits.ts';

const LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;

/** What became of a request to invite. */
export type InviteOutcome =
  | { readonly kind: 'invited'; readonly invitation: InvitationRecord }
  /** Too many mails were sent: nothing was done. */
  | { readonly kind: 'limited'; readonly retryAfterSeconds: number };

/**
 * Invites an address, or renews its invitation, and mails it: whoever proves the address becomes a member.
 * `already_exists` for a member, `failed_precondition` at the workspace's limits, `unavailable` when no mail can go
 * out: then nothing is changed.
 */
export async function inviteMember(
  dependencies: WorkspaceChanges & {
    users: UserIndex;
    mailer: Mailer;
    takeInvitation: TakeInvitation;
    clock: Clock;
    newId: () => string;
  },
  request: InviteMemberRequest,
): Promise<InviteOutcome> {
  const { store, audit, mailer, clock } = dependencies;
  const actor = requiredActor(request.actor);
  const email = normalizedEmail(request.email);
  const role = checkedRole(request.role);
  const { workspaceId } = request;
  const deed = { workspaceId, actor, action: 'member.invited', details: { email, role } };
  mailer.requireRoom();
  const retryAfterSeconds = await dependencies.takeInvitation(actor, email);
  if (retryAfterSeconds > 0) return { kind: 'limited', retryAfterSeconds };
  const nowMs = clock.now();
  const fresh: InvitationRecord = {
    id: dependencies.newId(),
    email,
    role,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + LIFETIME_MS,
  };
  let invitation = fresh;
  const targeted = { ...deed, target: { type: 'invitation', id: '' } };
  const workspace = await changeWorkspace(dependencies, targeted, (stored) => {
    const open = stored.invitations.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    const present = open.find((other) => other.email === email);
    const over = present === undefined ? [role] : [role, present.role];
    requireStanding({ workspace: stored, actor, permission: 'members:manage', over });
    refuseMember(stored, store.users.get(userKey(email))?.value.id);
    const others = open.filter((other) => other !== present);
    refuseBeyondLimits(stored, others.length);
    invitation = present === undefined ? fresh : { ...fresh, id: present.id };
    return { ...stored, invitations: [...others, invitation] };
  });
  await audit.record({
    ...deed,
    outcome: 'succeeded',
    target: { type: 'invitation', id: invitation.id },
  });
  const inviterEmail = dependencies.users.byId(actor.userId)?.email;
  mailer.send(invitationMail({ workspaceName: workspace.name, inviterEmail, invitation }));
  return { kind: 'invited', invitation };
}

function refuseMember(workspace: WorkspaceRecord, userId: string | undefined): void {
  if (!workspace.members.some((member) => member.userId === userId)) return;
  throw fieldError('email', 'is a member already', 'already_exists');
}

function refuseBeyondLimits(workspace: WorkspaceRecord, otherInvitations: number): void {
  if (workspace.members.length >= MAX_MEMBERS) {
    throw new MillraceError('failed_precondition', `a workspace has at most ${MAX_MEMBERS} members`);
  }
  if (otherInvitations >= MAX_OPEN_INVITATIONS) {
    throw new MillraceError(
      'failed_precondition',
      `a workspace has at most ${MAX_OPEN_INVITATIONS} open invitations`,
    );
  }
}

/** What an invited person is told: by whom, to what, and how to sign in. */
function invitationMail(options: {
  workspaceName: string;
  /** Undefined when a key invited. */
  inviterEmail: string | undefined;
  invitation: InvitationRecord;
}): Mail {
  const { workspaceName, inviterEmail, invitation } = options;
  const day = new Date(invitation.expiresAtMs).toISOString().slice(0, 10);
  return {
    to: invitation.email,
    subject: `Invitation to the workspace ${workspaceName}`,
    text: [
      `${inviterEmail ?? 'The workspace'} invites you to "${workspaceName}" on Millrace as ${invitation.role}.`,
      '',
      'To accept, sign in with this address:',
      `  POST /api/auth/request-code {"email":"${invitation.email}"}`,
      'mails you a code, and',
      `  POST /api/auth/verify {"email":"${invitation.email}","code":"…"}`,
      'makes you a member.',
      '',
      `The invitation is good until ${day}. If you did not expect it, do nothing.`,
      '',
    ].join('\n'),
  };
}
