import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import {
  type Deletion as Job,
  DeletionStatus as JobStatus,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import {
  DeletionKind,
  type DeletionSchema,
  type DeletionService,
  DeletionStatus,
} from '@millrace/contracts/millrace/api/v1/deletion';
import { fieldError } from '@millrace/runtime';
import { requestDeletion } from '../management/erasure/request-deletion.ts';
import { changeRetention } from '../management/retention/change-retention.ts';
import type { ApiDeps } from '../request/api.ts';
import { callerOf, requesterOf } from './gate.ts';
import { storable } from './message-fields.ts';

const STATUSES = {
  [JobStatus.UNSPECIFIED]: DeletionStatus.PENDING,
  [JobStatus.RUNNING]: DeletionStatus.RUNNING,
  [JobStatus.DONE]: DeletionStatus.DONE,
  [JobStatus.FAILED]: DeletionStatus.FAILED,
} as const;

/** `millrace.api.v1.DeletionService`: what REST does, in the caller's workspace. */
export function createDeletionService(
  deps: Pick<ApiDeps, 'deletions' | 'auditLog'>,
): ServiceImpl<typeof DeletionService> {
  const { deletions } = deps;
  return {
    async createDeletion({ userId }, context) {
      const job = await requestDeletion(deps, requesterOf(context), storable('user_id', userId));
      return { deletion: toMessage(job) };
    },
    async getDeletion({ id }, context) {
      const { workspaceId } = callerOf(context);
      return { deletion: toMessage(await deletions.getDeletion({ workspaceId, id })) };
    },
    async listDeletions({ pageSize, pageToken }, context) {
      const { workspaceId } = callerOf(context);
      const page = await deletions.listDeletions({ workspaceId, pageSize, pageToken });
      return { deletions: page.deletions.map(toMessage), nextPageToken: page.nextPageToken };
    },
    async getRetention(_, context) {
      return { days: await deletions.retentionDays(callerOf(context).workspaceId) };
    },
    async putRetention({ days }, context) {
      // What is kept for ever is said so: an empty message may be a mistake.
      if (days === undefined) throw fieldError('days', 'is required');
      await changeRetention(deps, requesterOf(context), days);
      return { days };
    },
  };
}

function toMessage(job: Job): MessageInitShape<typeof DeletionSchema> {
  const { $typeName, $unknown, status, ...fields } = job;
  return { ...fields, kind: DeletionKind.USER, status: STATUSES[status] };
}
