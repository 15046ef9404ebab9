import type { Mail } from '../mail/mailer.ts';
import type { InvitationRecord } from '../store/workspace-record.ts';

/** What an invited person is told: by whom, to what, and how to sign in. */
export function invitationMail(options: {
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
