import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { DeadLetterSchema } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';
import type { DeletionRecord } from './deletion-record.ts';

/** Whose events, and up to where. */
export type Target = Pick<DeletionRecord, 'workspaceId' | 'userId' | 'throughSeq'>;

/** How far a batch's mutations are. */
export interface MutationProgress {
  readonly mutations: number;
  readonly partsLeft: number;
  readonly isDone: boolean;
  readonly isKilled: boolean;
  /** What ClickHouse said of the last part that it couldn't rewrite; empty for nothing. */
  readonly failure: string;
}

/** What ClickHouse holds of users who are to be forgotten. Every call throws MillraceError `unavailable` when it doesn't answer. */
export interface ErasureStore {
  /** The highest `_seq` of each shard. */
  positions(): Promise<{ shard: number; seq: number }[]>;
  /** Has the rows and their projections rewritten without the targets', in the background; repeating it is harmless. */
  begin(batch: string, targets: readonly Target[]): Promise<void>;
  progress(batch: string): Promise<MutationProgress>;
  /** How many rows of the targets are left. */
  remaining(targets: readonly Target[]): Promise<number>;
  /** The parts that a mutation has to look at. */
  parts(): Promise<number>;
}

/** Tables that have a user's events, each with a mutation of its own. */
export const TABLES = 3;
const BEGIN_TIMEOUT_MS = 30_000;
const QUESTION_TIMEOUT_MS = 10_000;
/** A count reads the workspaces' rows, with their user ids. */
const COUNT_TIMEOUT_MS = 120_000;

const sql = {
  deleteEvents: loadSql(import.meta.url, 'queries/delete-events.sql'),
  deleteLetterChanges: loadSql(import.meta.url, 'queries/delete-dead-letter-changes.sql'),
  deleteDeadLetters: loadSql(import.meta.url, 'queries/delete-dead-letters.sql'),
  positions: loadSql(import.meta.url, 'queries/positions.sql'),
  progress: loadSql(import.meta.url, 'queries/progress.sql'),
  remaining: loadSql(import.meta.url, 'queries/remaining.sql'),
  parts: loadSql(import.meta.url, 'queries/parts.sql'),
};

const positionRow = z.object({ shard: z.coerce.number(), seq: z.coerce.number() });
const remainingRow = z.object({ remaining: z.coerce.number() });
const partsRow = z.object({ parts: z.coerce.number() });
const progressRow = z.object({
  mutations: z.coerce.number(),
  partsLeft: z.coerce.number(),
  isDone: z.coerce.number(),
  isKilled: z.coerce.number(),
  failure: z.string(),
});

/** Asks through a client whose default database has the tables. */
export function createErasureStore(client: ClickHouseClient): ErasureStore {
  const mutate = async (query: string, query_params: Record<string, unknown>): Promise<void> => {
    try {
      await client.command({
        query,
        query_params,
        use_multipart_params: true,
        clickhouse_settings: { mutations_sync: '0' },
        abort_signal: AbortSignal.timeout(BEGIN_TIMEOUT_MS),
      });
    } catch (error) {
      throw storeUnavailable(error);
    }
  };
  return {
    positions: () => ask(client, { sql: sql.positions, row: positionRow, timeoutMs: QUESTION_TIMEOUT_MS }),
    async begin(batch, targets) {
      const params = { batch, ...paramsOf(targets) };
      await mutate(sql.deleteLetterChanges, params);
      await mutate(sql.deleteDeadLetters, params);
      await mutate(sql.deleteEvents, params);
    },
    async progress(batch) {
      const [row] = await ask(client, {
        sql: sql.progress,
        params: { batch },
        row: progressRow,
        timeoutMs: QUESTION_TIMEOUT_MS,
      });
      const { mutations = 0, partsLeft = 0, isDone = 0, isKilled = 0, failure = '' } = row ?? {};
      // Of those that belong together some may be missing: it was cut off between them.
      return {
        mutations,
        partsLeft,
        isDone: mutations >= TABLES && isDone === 1,
        isKilled: isKilled === 1,
        failure,
      };
    },
    async remaining(targets) {
      const [row] = await ask(client, {
        sql: sql.remaining,
        params: paramsOf(targets),
        row: remainingRow,
        timeoutMs: COUNT_TIMEOUT_MS,
      });
      return row?.remaining ?? 0;
    },
    async parts() {
      const [row] = await ask(client, { sql: sql.parts, row: partsRow, timeoutMs: QUESTION_TIMEOUT_MS });
      return row?.parts ?? 0;
    },
  };
}

function paramsOf(targets: readonly Target[]): Record<string, unknown> {
  return {
    workspaceIds: targets.map(({ workspaceId }) => workspaceId),
    userIds: targets.map(({ userId }) => userId),
    seqs: targets.map(({ throughSeq }) => throughSeq),
    workspaceFields: targets.map((target) => workspaceField(target).toString('hex')),
    userFields: targets.map((target) => userField(target).toString('hex')),
  };
}

/**
 * How a workspace stands in an encoded event. A dead letter may be a whole message or a damaged event, which can't be decoded; these
 * bytes begin with a line break that JSON has in no such place, so no payload passes for another workspace's.
 */
function workspaceField({ workspaceId }: Target): Buffer {
  return Buffer.from(toBinary(EventSchema, create(EventSchema, { workspaceId })));
}

function userField({ userId }: Target): Buffer {
  return Buffer.from(toBinary(EventSchema, create(EventSchema, { userId })));
}

/** A check for messages of the stream `DEAD_LETTERS`, the same that the table's rows undergo. */
export function deadLettersOf(targets: readonly Target[]): (message: Buffer) => boolean {
  const fields = targets.map((target) => ({
    throughSeq: target.throughSeq,
    workspace: workspaceField(target),
    user: userField(target),
  }));
  return (message) => {
    const letter = fromBinary(DeadLetterSchema, message);
    const body = Buffer.from(letter.body.buffer, letter.body.byteOffset, letter.body.byteLength);
    return fields.some(
      ({ throughSeq, workspace, user }) =>
        Number(letter.seq) <= throughSeq && body.includes(workspace) && body.includes(user),
    );
  };
}
