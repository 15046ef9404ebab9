import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';
import type { AnalyticsMetrics } from '../metrics.ts';

/** Where a letter's message is in the stream. */
export interface LetterPlace {
  readonly shard: number;
  readonly seq: number;
  readonly index: number;
}

/** Which letters of a workspace; empty text stands for all. */
export interface LetterQuestion {
  readonly workspaceId: string;
  readonly state: string;
  readonly reason: string;
  readonly eventType: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** The last letter of the page before, or a place behind all. */
  readonly behind: LetterPlace & { readonly ms: number };
  readonly limit: number;
}

/** What was decided about a letter. */
export interface LetterChange extends LetterPlace {
  readonly workspaceId: string;
  readonly state: LetterRow['state'];
  readonly version: number;
  readonly eventType: string;
  readonly event: Uint8Array;
  readonly changedAtMs: number;
}

const letterRow = z.object({
  shard: z.coerce.number(),
  seq: z.coerce.number(),
  index: z.coerce.number(),
  reason: z.string(),
  detail: z.string(),
  eventId: z.string(),
  eventType: z.string(),
  parkedAtMs: z.coerce.number(),
  state: z.enum(['parked', 'discarded', 'replayed']),
  edited: z.coerce.number().transform((flag) => flag === 1),
  changedAtMs: z.coerce.number(),
  version: z.coerce.number(),
});
const wholeLetterRow = letterRow.extend({
  event: z.string().transform((text) => Buffer.from(text, 'base64')),
});
const placeRow = letterRow.pick({ shard: true, seq: true, index: true });
const countRow = z.object({ events: z.coerce.number() });

/** A letter with what has become of it; version 0 when nothing has. */
export type LetterRow = z.output<typeof letterRow>;
/** A letter with its event: as it was edited, or as it was parked. */
export type WholeLetterRow = z.output<typeof wholeLetterRow>;

/** Dead letters and what was decided about them. Every call throws MillraceError `unavailable` when no answer comes in time. */
export interface DeadLetterTable {
  list(question: LetterQuestion, signal: AbortSignal): Promise<LetterRow[]>;
  find(workspaceId: string, place: LetterPlace, signal: AbortSignal): Promise<WholeLetterRow | undefined>;
  /** The newest letter that an event of this id has become. */
  findOfEvent(workspaceId: string, eventId: string, signal: AbortSignal): Promise<LetterPlace | undefined>;
  /** Whether an event with this dedup key, 16 bytes in hex, is stored. */
  isReplayed(workspaceId: string, dedupKey: string, signal: AbortSignal): Promise<boolean>;
  record(changes: readonly LetterChange[], signal: AbortSignal): Promise<void>;
}

const QUESTION_TIMEOUT_MS = 4_000;
const INSERT_TIMEOUT_MS = 10_000;

const sql = {
  list: loadSql(import.meta.url, 'queries/list.sql'),
  get: loadSql(import.meta.url, 'queries/get.sql'),
  ofEvent: loadSql(import.meta.url, 'queries/of-event.sql'),
  isReplayed: loadSql(import.meta.url, 'queries/is-replayed.sql'),
  record: loadSql(import.meta.url, 'queries/record.sql'),
};

/** The tables in the client's default database. */
export function createDeadLetterTable(options: {
  client: ClickHouseClient;
  metrics: AnalyticsMetrics;
}): DeadLetterTable {
  const { client, metrics } = options;
  const question = { timeoutMs: QUESTION_TIMEOUT_MS };
  return {
    list({ behind, ...asked }, signal) {
      const params = {
        ...asked,
        behindMs: behind.ms,
        behindShard: behind.shard,
        behindSeq: behind.seq,
        behindIndex: behind.index,
      };
      return metrics.timed('dead_letters', () =>
        ask(client, { ...question, sql: sql.list, params, row: letterRow, signal }),
      );
    },
    async find(workspaceId, place, signal) {
      const params = { workspaceId, ...place };
      const [row] = await metrics.timed('dead_letters', () =>
        ask(client, { ...question, sql: sql.get, params, row: wholeLetterRow, signal }),
      );
      return row;
    },
    async findOfEvent(workspaceId, eventId, signal) {
      const params = { workspaceId, eventId };
      const [row] = await metrics.timed('dead_letters', () =>
        ask(client, { ...question, sql: sql.ofEvent, params, row: placeRow, signal }),
      );
      return row;
    },
    async isReplayed(workspaceId, dedupKey, signal) {
      const params = { workspaceId, dedupKey };
      const [row] = await metrics.timed('dead_letters', () =>
        ask(client, { ...question, sql: sql.isReplayed, params, row: countRow, signal }),
      );
      return row !== undefined && row.events > 0;
    },
    /** Each change travels as a row: an event is far larger than a parameter may be. */
    async record(changes, signal) {
      const rows = changes.map(({ event, ...change }) =>
        Buffer.from(`${JSON.stringify({ ...change, event: Buffer.from(event).toString('base64') })}\n`),
      );
      try {
        const { stream } = await client.exec({
          query: sql.record,
          values: Readable.from(rows, { objectMode: false }),
          clickhouse_settings: { async_insert: 0, wait_end_of_query: 1 },
          abort_signal: AbortSignal.any([signal, AbortSignal.timeout(INSERT_TIMEOUT_MS)]),
        });
        stream.resume();
        await finished(stream, { writable: false });
      } catch (error) {
        throw storeUnavailable(error);
      }
    },
  };
}
