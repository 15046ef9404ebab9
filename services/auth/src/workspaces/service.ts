import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type InvitationSchema,
  type MemberSchema,
  type WorkspaceDeletionSchema,
  WorkspaceDeletionStatus,
  type WorkspaceSchema,
  WorkspaceService,
} from '@millrace/contracts/millrace/auth/v1/workspace';
import { bindService, type GrpcServiceBinding } from '@millrace/runtime';
import type { WorkspaceDeletionRecord } from '@millrace/stores';
import type { Mailer } from '../mail/mailer.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import type { Memberships } from '../store/memberships.ts';
import { toRoleMessage } from '../store/role.ts';
import type { UserIndex } from '../store/user-record.ts';
import type { InvitationRecord, MemberRecord, WorkspaceRecord } from '../store/workspace-record.ts';
import { createWorkspace, updateWorkspace } from './change-workspace.ts';
import {
  deleteWorkspace,
  getWorkspaceDeletion,
  listWorkspaceDeletions,
  type WorkspaceDeleting,
} from './delete-workspace.ts';
import { inviteMember, revokeInvitation, type TakeInvitation } from './invite-member.ts';
import { getWorkspace, listMembers, removeMember, updateMember } from './members.ts';
import type { NotifyOwners } from './notify-owners.ts';

/** `millrace.auth.v1.WorkspaceService` over the use cases. */
export function createWorkspaceService(
  dependencies: WorkspaceDeleting & {
    memberships: Memberships;
    ids: CredentialIds;
    mailer: Mailer;
    takeInvitation: TakeInvitation;
    notifyOwners: NotifyOwners;
  },
): GrpcServiceBinding {
  const { store, memberships, users } = dependencies;
  return bindService(WorkspaceService, {
    async createWorkspace(request) {
      const created = await createWorkspace(dependencies, request);
      return { workspace: toWorkspaceMessage(created, request.actor?.userId ?? '') };
    },
    listWorkspaces: async ({ userId }) => ({
      workspaces: memberships.workspacesOf(userId).map((record) => toWorkspaceMessage(record, userId)),
    }),
    getWorkspace: async (request) => ({
      workspace: toWorkspaceMessage(getWorkspace(store, request), request.userId),
    }),
    getDefaultWorkspace: async () => ({ workspaceId: dependencies.defaultWorkspaceId }),
    async updateWorkspace(request) {
      const updated = await updateWorkspace(dependencies, request);
      return { workspace: toWorkspaceMessage(updated, request.actor?.userId ?? '') };
    },
    async listMembers(request) {
      const { members, invitations } = listMembers(dependencies, request);
      return {
        members: members.map((member) => toMemberMessage(member, users)),
        invitations: invitations.map(toInvitationMessage),
      };
    },
    async inviteMember(request) {
      const outcome = await inviteMember(dependencies, request);
      if (outcome.kind === 'limited') return { retryAfterSeconds: outcome.retryAfterSeconds };
      return { invitation: toInvitationMessage(outcome.invitation) };
    },
    async revokeInvitation(request) {
      await revokeInvitation(dependencies, request);
      return {};
    },
    updateMember: async (request) => ({
      member: toMemberMessage(await updateMember(dependencies, request), users),
    }),
    removeMember: (request) => removeMember(dependencies, request),
    deleteWorkspace: async (request) => ({
      deletion: toDeletionMessage(await deleteWorkspace(dependencies, request)),
    }),
    listWorkspaceDeletions: async (request) => ({
      deletions: listWorkspaceDeletions(store, request).map(toDeletionMessage),
    }),
    getWorkspaceDeletion: async (request) => ({
      deletion: toDeletionMessage(getWorkspaceDeletion(store, request)),
    }),
    notifyOwners: async (request) => ({ mailed: await dependencies.notifyOwners(request) }),
  });
}

const STATUSES: Readonly<Record<WorkspaceDeletionRecord['status'], WorkspaceDeletionStatus>> = {
  pending: WorkspaceDeletionStatus.UNSPECIFIED,
  running: WorkspaceDeletionStatus.RUNNING,
  done: WorkspaceDeletionStatus.DONE,
};

/** A job. */
function toDeletionMessage(
  record: WorkspaceDeletionRecord,
): MessageInitShape<typeof WorkspaceDeletionSchema> {
  const { id, workspaceId, status, progress, error, startedAtMs, finishedAtMs, streamClearedAtMs } = record;
  return {
    ...{ id, workspaceId, progress, error },
    status: STATUSES[status],
    createdAt: timestampFromMs(record.createdAtMs),
    ...(startedAtMs === null ? {} : { startedAt: timestampFromMs(startedAtMs) }),
    ...(finishedAtMs === null ? {} : { finishedAt: timestampFromMs(finishedAtMs) }),
    ...(streamClearedAtMs === null ? {} : { streamClearedAt: timestampFromMs(streamClearedAtMs) }),
  };
}

/** A workspace as a user sees it; an empty `userId` is a key's view. */
function toWorkspaceMessage(
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
function toMemberMessage(record: MemberRecord, users: UserIndex): MessageInitShape<typeof MemberSchema> {
  return {
    userId: record.userId,
    // Members have signed in, so only a user whose record is still on its way to this replica has none.
    email: users.byId(record.userId)?.email ?? '',
    role: toRoleMessage(record.role),
    joinedAt: timestampFromMs(record.joinedAtMs),
  };
}

/** An invitation. */
function toInvitationMessage(record: InvitationRecord): MessageInitShape<typeof InvitationSchema> {
  return {
    id: record.id,
    email: record.email,
    role: toRoleMessage(record.role),
    createdAt: timestampFromMs(record.createdAtMs),
    expiresAt: timestampFromMs(record.expiresAtMs),
  };
}
