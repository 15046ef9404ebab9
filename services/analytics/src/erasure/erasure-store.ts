import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { DeadLetterSchema } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { ask, type ClickHouseClient, loadSql } from '@millrace/stores';
import { z } from 'zod';
import { beginMutation } from '../begin-mutation.ts';
import type { DeletionRecord } from './deletion-record.ts';
import { createMutations, type Mutations } from './mutations.ts';

/** Whose events, and up to where. */
export type Target = Pick<DeletionRecord, 'workspaceId' | 'userId' | 'throughSeq'>;

/** What ClickHouse holds of users who are to be forgotten. Every call throws MillraceError `unavailable` when it doesn't answer. */
export interface ErasureStore extends Mutations<Target> {
  /** The highest `_seq` of each shard. */
  positions(): Promise<{ shard: number; seq: number }[]>;
  /** Has attempts deleted that were made of the users' events since the batch, where there are any; repeating it is harmless. */
  deleteLateAttempts(batch: string, targets: readonly Target[]): Promise<void>;
}

const POSITIONS_TIMEOUT_MS = 10_000;
const LATE_ATTEMPTS_TIMEOUT_MS = 30_000;
const DELETE_ATTEMPTS = loadSql(import.meta.url, 'queries/delete-webhook-attempts.sql');
const ATTEMPTS_LEFT = loadSql(import.meta.url, 'queries/attempts-left.sql');
const leftRow = z.object({ remaining: z.coerce.number() });

/** Tables that have a user's events, or what was answered to them. */
const STATEMENTS = new Map([
  ['dead_letter_changes', loadSql(import.meta.url, 'queries/delete-dead-letter-changes.sql')],
  ['dead_letters', loadSql(import.meta.url, 'queries/delete-dead-letters.sql')],
  ['webhook_attempts', DELETE_ATTEMPTS],
  ['events', loadSql(import.meta.url, 'queries/delete-events.sql')],
]);
const REMAINING = loadSql(import.meta.url, 'queries/remaining.sql');
const POSITIONS = loadSql(import.meta.url, 'queries/positions.sql');
const positionRow = z.object({ shard: z.coerce.number(), seq: z.coerce.number() });

/** Asks through a client whose default database has the tables. */
export function createErasureStore(client: ClickHouseClient): ErasureStore {
  return {
    ...createMutations({ client, statements: STATEMENTS, remaining: REMAINING, paramsOf }),
    positions: () => ask(client, { sql: POSITIONS, row: positionRow, timeoutMs: POSITIONS_TIMEOUT_MS }),
    async deleteLateAttempts(batch, targets) {
      const params = paramsOf(targets);
      const timeoutMs = LATE_ATTEMPTS_TIMEOUT_MS;
      const [left] = await ask(client, { sql: ATTEMPTS_LEFT, params, row: leftRow, timeoutMs });
      if (left?.remaining === 0) return;
      await beginMutation(client, DELETE_ATTEMPTS, { params: { ...params, batch }, timeoutMs });
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
export function workspaceField({ workspaceId }: Pick<Target, 'workspaceId'>): Buffer {
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
