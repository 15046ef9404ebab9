import { MillraceError } from '@millrace/runtime';
import type { MemberRecord, WorkspaceRecord } from '../store/workspace-record.ts';

/** Throws `failed_precondition` for the only owner of a workspace: nobody could manage it any more. */
export function refuseLastOwner(workspace: WorkspaceRecord, member: MemberRecord): void {
  if (member.role !== 'owner') return;
  if (workspace.members.filter(({ role }) => role === 'owner').length > 1) return;
  throw new MillraceError('failed_precondition', 'the last owner stays: make somebody else an owner first');
}

/** The answer to a user whom the workspace doesn't have. */
export function memberNotFound(): MillraceError {
  return new MillraceError('not_found', 'no such member');
}
