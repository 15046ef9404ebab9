import type { ClickHouseClient } from '@clickhouse/client';
import { z } from 'zod';
import { loadEventRowSchema } from './event-schema.ts';
import { isUnreadableData, storeUnavailable } from './failure.ts';
import { createProtobufInserter, type ProtobufInsert } from './protobuf-inserter.ts';
import { ask, loadSql } from './query.ts';

/** What ClickHouse made of an insert. */
export type InsertOutcome =
  | { readonly kind: 'answered' }
  /** It complained about the data; a body that was cut off looks the same. */
  | { readonly kind: 'unreadable'; readonly detail: string };

/** A message or an item that can't be stored as an event. */
export interface ParkedItem {
  readonly shard: number;
  readonly seq: number;
  readonly index: number;
  readonly reason: string;
  readonly detail: string;
  readonly body: Buffer;
  readonly parkedAtMs: number;
}

/** `millrace.events` as its writer needs it. Every call fails with `unavailable` when ClickHouse doesn't answer. */
export interface EventTable {
  /** The highest `_seq` of a shard, 0 when it has no row. */
  position(shard: number): Promise<number>;
  insert(insert: ProtobufInsert): Promise<InsertOutcome>;
  /** Reads rows as an insert would and stores nothing. */
  tryRead(body: ProtobufInsert['body']): Promise<InsertOutcome>;
  /** How many inserts run whose query id begins so. */
  runningInserts(queryIdPrefix: string): Promise<number>;
  killInserts(queryIdPrefix: string): Promise<void>;
  /** Those of the keys (16 bytes as latin1) that have a row received since then. */
  existingKeys(keys: readonly string[], sinceMs: number): Promise<Set<string>>;
  /** The newest keys that belong to a shard, 16 bytes each. */
  recentKeys(window: {
    shardCount: number;
    shardIndex: number;
    sinceMs: number;
    limit: number;
  }): Promise<Buffer>;
  /** Repeating it changes nothing. */
  park(item: ParkedItem): Promise<void>;
}

const QUESTION_TIMEOUT_MS = 10_000;
const RECENT_KEYS_TIMEOUT_MS = 60_000;
const DRY_RUN_TIMEOUT_MS = 60_000;

/** 33 bytes each travel in one form field. */
const KEYS_PER_QUESTION = 20_000;

const sql = {
  position: loadSql(import.meta.url, 'queries/position.sql'),
  runningInserts: loadSql(import.meta.url, 'queries/running-inserts.sql'),
  killInserts: loadSql(import.meta.url, 'queries/kill-inserts.sql'),
  existingKeys: loadSql(import.meta.url, 'queries/existing-keys.sql'),
  recentKeys: loadSql(import.meta.url, 'queries/recent-keys.sql'),
  park: loadSql(import.meta.url, 'queries/park.sql'),
};

const positionRow = z.object({ seq: z.coerce.number() });
const runningRow = z.object({ running: z.coerce.number() });
const keyRow = z.object({ key: z.string() });

/** The events table behind a client whose default database holds it. */
export function createEventTable(options: { client: ClickHouseClient; database: string }): EventTable {
  const { client, database } = options;
  const inserter = createProtobufInserter({
    client,
    table: `${database}.events`,
    schema: loadEventRowSchema(),
  });
  return {
    async position(shard) {
      const [row] = await ask(client, {
        sql: sql.position,
        params: { shard },
        row: positionRow,
        timeoutMs: QUESTION_TIMEOUT_MS,
      });
      return row?.seq ?? 0;
    },
    insert: (insert) => outcomeOf(inserter.insert(insert)),
    tryRead: (body) => outcomeOf(inserter.dryRun({ body, timeoutMs: DRY_RUN_TIMEOUT_MS })),
    async runningInserts(prefix) {
      const [row] = await ask(client, {
        sql: sql.runningInserts,
        params: { prefix },
        row: runningRow,
        timeoutMs: QUESTION_TIMEOUT_MS,
      });
      return row?.running ?? 0;
    },
    killInserts: (prefix) => command(client, sql.killInserts, { prefix }),
    existingKeys: (keys, sinceMs) => existingKeys(client, keys, sinceMs),
    recentKeys: (window) => recentKeys(client, window),
    park: ({ body, ...item }) => command(client, sql.park, { ...item, body: body.toString('base64') }),
  };
}

async function outcomeOf(sent: Promise<void>): Promise<InsertOutcome> {
  try {
    await sent;
    return { kind: 'answered' };
  } catch (error) {
    if (isUnreadableData(error)) return { kind: 'unreadable', detail: error.message };
    throw storeUnavailable(error);
  }
}

async function command(
  client: ClickHouseClient,
  query: string,
  params: Record<string, unknown>,
): Promise<void> {
  try {
    await client.command({
      query,
      query_params: params,
      use_multipart_params: true,
      abort_signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS),
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}

async function existingKeys(
  client: ClickHouseClient,
  keys: readonly string[],
  sinceMs: number,
): Promise<Set<string>> {
  const found = new Set<string>();
  for (let from = 0; from < keys.length; from += KEYS_PER_QUESTION) {
    const asked = keys.slice(from, from + KEYS_PER_QUESTION);
    const rows = await ask(client, {
      sql: sql.existingKeys,
      params: { keys: asked.map((key) => Buffer.from(key, 'latin1').toString('hex')).join(','), sinceMs },
      row: keyRow,
      timeoutMs: QUESTION_TIMEOUT_MS,
    });
    for (const { key } of rows) found.add(Buffer.from(key, 'hex').toString('latin1'));
  }
  return found;
}

async function recentKeys(client: ClickHouseClient, window: Record<string, number>): Promise<Buffer> {
  try {
    const { stream } = await client.exec({
      query: sql.recentKeys,
      query_params: window,
      abort_signal: AbortSignal.timeout(RECENT_KEYS_TIMEOUT_MS),
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    throw storeUnavailable(error);
  }
}
