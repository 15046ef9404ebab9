import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type {
  InvitationSchema,
  MemberSchema,
  WorkspaceSchema,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import { toRoleMessage } from '../store/role.ts';
import type { UserIndex } from '../store/user-index.ts';
import type { InvitationRecord, MemberRecord, WorkspaceRecord } from '../store/workspace-record.ts';

/** A workspace as a user sees it; an empty `userId` is a key's view. */
export function toWorkspaceMessage(
  record: WorkspaceRecord,
  userId: string,
): MessageInitShape<typeof WorkspaceSchema> {
  const role = record.members.find((member) => member.userId === userId)?.role;
  return {
    id: record.id,
    name: record.name,
    createdAt: timestampFromMs(record.createdAtMs),
    ...(record.rateLimit === null ? {} : { rateLimit: record.rateLimit }),
    ...(role === undefined ? {} : { role: toRoleMessage(role) }),
  };
}

/** A member with their address. */
export function toMemberMessage(
  record: MemberRecord,
  users: UserIndex,
): MessageInitShape<typeof MemberSchema> {
  return {
    userId: record.userId,
    // Members have signed in, so only a user whose record is still on its way to this replica has none.
    email: users.byId(record.userId)?.email ?? '',
    role: toRoleMessage(record.role),
    joinedAt: timestampFromMs(record.joinedAtMs),
  };
}

/** An invitation. */
export function toInvitationMessage(record: InvitationRecord): MessageInitShape<typeof InvitationSchema> {
  return {
    id: record.id,
    email: record.email,
    role: toRoleMessage(record.role),
    createdAt: timestampFromMs(record.createdAtMs),
    expiresAt: timestampFromMs(record.expiresAtMs),
  };
}
