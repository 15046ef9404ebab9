import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type DeletionSchema, DeletionStatus } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { z } from 'zod';

/** A job that deletes a user's events, as it is stored under its id. */
export const deletionRecord = z.object({
  id: z.string(),
  workspaceId: z.string(),
  /** Empty once nothing of the user is left in the stream: then nobody needs it. */
  userId: z.string(),
  /** The stream's last sequence when it was asked for: what was accepted before has this one or a lower one. */
  throughSeq: z.number(),
  status: z.enum(['pending', 'running', 'done', 'failed']),
  createdAtMs: z.number(),
  startedAtMs: z.number().nullable(),
  finishedAtMs: z.number().nullable(),
  /** Names the mutation that does it, with others'; empty until there is one. */
  batch: z.string(),
  progress: z.number(),
  error: z.string(),
  streamClearedAtMs: z.number().nullable(),
});

/** What `deletionRecord` yields. */
export type DeletionRecord = Readonly<z.output<typeof deletionRecord>>;

const STATUSES: Readonly<Record<DeletionRecord['status'], DeletionStatus>> = {
  pending: DeletionStatus.UNSPECIFIED,
  running: DeletionStatus.RUNNING,
  done: DeletionStatus.DONE,
  failed: DeletionStatus.FAILED,
};

/** A job in the contract's terms. */
export function toDeletionMessage(record: DeletionRecord): MessageInitShape<typeof DeletionSchema> {
  const { id, userId, status, progress, error, startedAtMs, finishedAtMs, streamClearedAtMs } = record;
  return {
    id,
    userId,
    status: STATUSES[status],
    createdAt: timestampFromMs(record.createdAtMs),
    ...(startedAtMs === null ? {} : { startedAt: timestampFromMs(startedAtMs) }),
    ...(finishedAtMs === null ? {} : { finishedAt: timestampFromMs(finishedAtMs) }),
    progress,
    error,
    ...(streamClearedAtMs === null ? {} : { streamClearedAt: timestampFromMs(streamClearedAtMs) }),
  };
}
