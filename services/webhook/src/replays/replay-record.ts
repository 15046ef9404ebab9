import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Replay, ReplaySchema, ReplayStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { z } from 'zod';

/** A replay as it is stored under its id. */
export const replayRecord = z.object({
  id: z.string(),
  workspaceId: z.string(),
  endpointId: z.string(),
  sinceMs: z.number(),
  failedOnly: z.boolean(),
  status: z.enum(['running', 'done', 'canceled']),
  attempted: z.number(),
  failed: z.number(),
  /** The sequence in front of the first event; 0 until that is known. */
  fromSeq: z.number(),
  /** The last sequence when it was asked for. */
  untilSeq: z.number(),
  /** Everything up to here was attempted. */
  position: z.object({ seq: z.number(), index: z.number() }),
  createdAtMs: z.number(),
  finishedAtMs: z.number().optional(),
});

/** What `replayRecord` yields. */
export type ReplayRecord = Readonly<z.output<typeof replayRecord>>;

const STATUS = {
  running: ReplayStatus.RUNNING,
  done: ReplayStatus.DONE,
  canceled: ReplayStatus.CANCELED,
} as const;

/** A replay in the public API's words. */
export function replayMessage(record: ReplayRecord): Replay {
  const { id, endpointId, failedOnly, fromSeq, untilSeq, position } = record;
  const span = Math.max(1, untilSeq - fromSeq);
  const passed = fromSeq === 0 ? 0 : Math.min(1, Math.max(0, (position.seq - fromSeq) / span));
  return create(ReplaySchema, {
    ...{ id, endpointId, failedOnly },
    since: timestampFromMs(record.sinceMs),
    status: STATUS[record.status],
    attempted: BigInt(record.attempted),
    failed: BigInt(record.failed),
    progress: record.status === 'done' ? 1 : passed,
    createdAt: timestampFromMs(record.createdAtMs),
    ...(record.finishedAtMs !== undefined && { finishedAt: timestampFromMs(record.finishedAtMs) }),
  });
}
