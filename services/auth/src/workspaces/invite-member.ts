import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type {
  InviteMemberRequest,
  RevokeInvitationRequest,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import type { Quota, RateLimiter } from '@millrace/stores';
import { requiredActor } from '../actor.ts';
import type { Mail, Mailer } from '../mail/mailer.ts';
import type { UserIndex } from '../store/user-record.ts';
import { normalizedEmail, userKey } from '../store/user-record.ts';
import type { InvitationRecord, WorkspaceRecord } from '../store/workspace-record.ts';
import { changeWorkspace, type WorkspaceChanges } from './change-workspace.ts';
import { checkedRole, MAX_MEMBERS, MAX_OPEN_INVITATIONS, requireStanding } from './workspace-rules.ts';

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
  const entry = { workspaceId, actor, action: 'member.invited', details: { email, role } };
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
  const targeted = { ...entry, target: { type: 'invitation', id: '' } };
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
    ...entry,
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

/** How long an inviter has to wait before the next mail may go out, in seconds; 0 for not at all. */
export type TakeInvitation = (actor: Actor, email: string) => Promise<number>;

const DAY_MS = 24 * 60 * 60 * 1000;
/** Of one person, or of one key. */
const BY_INVITER: Quota = { requests: 200, periodMs: DAY_MS, burst: 100 };
/** To one address, whoever writes. */
const TO_ADDRESS: Quota = { requests: 10, periodMs: DAY_MS, burst: 5 };

/**
 * Bounds the mails that invitations cause: they carry words of the inviter's own, and anybody may have a workspace.
 * Inviting again and again, and taking invitations back in between, counts each time.
 */
export function createInvitationQuota(limiter: RateLimiter): TakeInvitation {
  return async (actor, email) => {
    const inviter = actor.userId || actor.credentialId;
    const own = await limiter(`invitations by ${inviter}`, BY_INVITER);
    if (!own.allowed) return own.nextInSeconds;
    const received = await limiter(`invitations to ${email}`, TO_ADDRESS);
    return received.allowed ? 0 : received.nextInSeconds;
  };
}

/** Takes an invitation back; `not_found` once it is accepted or gone. */
export async function revokeInvitation(
  dependencies: WorkspaceChanges,
  request: RevokeInvitationRequest,
): Promise<void> {
  const actor = requiredActor(request.actor);
  const { workspaceId, invitationId } = request;
  const entry = {
    workspaceId,
    actor,
    action: 'invitation.revoked',
    target: { type: 'invitation', id: invitationId },
  };
  let details = {};
  await changeWorkspace(dependencies, entry, (workspace) => {
    const revoked = workspace.invitations.find(({ id }) => id === invitationId);
    const over = revoked === undefined ? [] : [revoked.role];
    requireStanding({ workspace, actor, permission: 'members:manage', over });
    if (revoked === undefined) throw new MillraceError('not_found', 'no such invitation');
    details = { email: revoked.email, role: revoked.role };
    return { ...workspace, invitations: workspace.invitations.filter((other) => other !== revoked) };
  });
  await dependencies.audit.record({ ...entry, outcome: 'succeeded', details });
}
