import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { EVENT_PROTO } from '@millrace/contracts/event-proto';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { z } from 'zod';
import { createProtobufInserter, type ProtobufInsert, type RowSchema } from './protobuf-inserter.ts';
import { ask, isUnreadableData, loadSql, storeUnavailable } from './query.ts';
import { sendRows } from './send-rows.ts';

/** What ClickHouse made of an insert. */
export type InsertOutcome =
  | { readonly kind: 'answered' }
  /** It complained about the data; a body that was cut off on the way looks the same. */
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
  /** Whose it is; empty where the body doesn't tell, and then it is the operator's alone. */
  readonly workspaceId: string;
  /** As far as the body tells. */
  readonly eventId: string;
  readonly eventType: string;
}

/** `millrace.events` as its writer needs it. Every call fails with `unavailable` when ClickHouse doesn't answer. */
export interface EventTable {
  /** The highest `_seq` of a shard, 0 when it has no row. */
  position(shard: number): Promise<number>;
  /** Stores the rows as one part, or nothing when the token was used before; one that fails may have happened. */
  insert(insert: ProtobufInsert): Promise<InsertOutcome>;
  /** Whether a token and its rows are noted in one step, by Keeper. */
  readonly isReplicated: boolean;
  /** Reads rows as an insert would and stores nothing. */
  tryRead(body: ProtobufInsert['body']): Promise<InsertOutcome>;
  /** How many inserts run whose query id begins so. */
  runningInserts(queryIdPrefix: string): Promise<number>;
  killInserts(queryIdPrefix: string): Promise<void>;
  /** Those of the dedup keys (16 bytes as latin1) that have a row received since then. */
  knownKeys(keys: readonly string[], sinceMs: number): Promise<Set<string>>;
  /** The newest dedup keys of a shard, 16 bytes each. */
  newestKeys(window: {
    shardCount: number;
    shardIndex: number;
    sinceMs: number;
    limit: number;
  }): Promise<Buffer>;
  /** Repeating it changes nothing. */
  park(items: readonly ParkedItem[]): Promise<void>;
}

const QUESTION_TIMEOUT_MS = 10_000;
const NEWEST_KEYS_TIMEOUT_MS = 60_000;
const DRY_RUN_TIMEOUT_MS = 60_000;
const PARK_TIMEOUT_MS = 30_000;

const sql = {
  knownKeys: loadSql(import.meta.url, 'queries/known-keys.sql'),
  position: loadSql(import.meta.url, 'queries/position.sql'),
  runningInserts: loadSql(import.meta.url, 'queries/running-inserts.sql'),
  killInserts: loadSql(import.meta.url, 'queries/kill-inserts.sql'),
  newestKeys: loadSql(import.meta.url, 'queries/newest-keys.sql'),
  park: loadSql(import.meta.url, 'queries/park.sql'),
};

/**
 * What a cluster needs so that no acknowledged insert is on one replica only. Sequential consistency holds for inserts
 * that follow each other, so two shards' inserts may have to wait for each other: that is refused with code 286 and
 * repeated, like 285, 319 and 999, under the same token.
 */
const ON_MOST_REPLICAS: ClickHouseSettings = { insert_quorum: 'auto', insert_quorum_parallel: 0 };
/** A replica that lags behind an acknowledged insert doesn't answer. */
const AFTER_EVERY_INSERT: ClickHouseSettings = { select_sequential_consistency: '1' };

/** The contract is the row. */
const EVENT_ROW: RowSchema = {
  text: EVENT_PROTO,
  messageName: EventSchema.name,
  columns: EventSchema.fields.map((field) => field.name),
};

const positionRow = z.object({ seq: z.coerce.number() });
const runningRow = z.object({ running: z.coerce.number() });

/** The events table behind a client whose default database holds it. */
export function createEventTable(options: {
  client: ClickHouseClient;
  database: string;
  /** Whether the tables have replicas. */
  replicated?: boolean;
}): EventTable {
  const { client, database, replicated = false } = options;
  const writing = replicated ? ON_MOST_REPLICAS : {};
  const reading = replicated ? AFTER_EVERY_INSERT : {};
  const inserter = createProtobufInserter({
    client,
    table: `${database}.events`,
    schema: EVENT_ROW,
    settings: writing,
  });
  return {
    isReplicated: replicated,
    async position(shard) {
      const [row] = await ask(client, {
        sql: sql.position,
        params: { shard },
        row: positionRow,
        settings: reading,
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
    killInserts: (prefix) => killInserts(client, prefix),
    knownKeys: (keys, sinceMs) => findKnownKeys(client, { keys, sinceMs, settings: reading }),
    newestKeys: (window) => newestKeys(client, window, reading),
    park: (items) => park(client, items, writing),
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

async function killInserts(client: ClickHouseClient, prefix: string): Promise<void> {
  try {
    await client.command({
      query: sql.killInserts,
      query_params: { prefix },
      abort_signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS),
    });
  } catch (error) {
    throw storeUnavailable(error);
  }
}

/** Each item travels as a row: it may be as large as a message of the stream, far larger than a parameter may be. */
async function park(
  client: ClickHouseClient,
  items: readonly ParkedItem[],
  settings: ClickHouseSettings,
): Promise<void> {
  const rows = items.map(({ body, ...item }) =>
    Buffer.from(`${JSON.stringify({ ...item, body: body.toString('base64') })}\n`),
  );
  try {
    await sendRows(client, { query: sql.park, body: rows, settings, timeoutMs: PARK_TIMEOUT_MS });
  } catch (error) {
    throw storeUnavailable(error);
  }
}

async function newestKeys(
  client: ClickHouseClient,
  window: Record<string, number>,
  settings: ClickHouseSettings,
): Promise<Buffer> {
  try {
    const { stream } = await client.exec({
      query: sql.newestKeys,
      query_params: window,
      clickhouse_settings: settings,
      abort_signal: AbortSignal.timeout(NEWEST_KEYS_TIMEOUT_MS),
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks);
  } catch (error) {
    throw storeUnavailable(error);
  }
}

const keyRow = z.object({ key: z.string() });

/** ClickHouse takes 128 KiB for a parameter; a key is 32 hex digits and a comma. */
const KEYS_PER_PARAMETER = 3_900;
/** As many as the query names: one pass over the table answers for all of them. */
const PARAMETERS = 16;
const KEYS_PER_QUESTION = KEYS_PER_PARAMETER * PARAMETERS;

/** Those of the keys (16 bytes as latin1) that have a row received since then. Throws `unavailable`. */
async function findKnownKeys(
  client: ClickHouseClient,
  question: { keys: readonly string[]; sinceMs: number; settings: ClickHouseSettings },
): Promise<Set<string>> {
  const { keys, sinceMs, settings } = question;
  const found = new Set<string>();
  for (let from = 0; from < keys.length; from += KEYS_PER_QUESTION) {
    const params: Record<string, unknown> = { sinceMs };
    for (let parameter = 0; parameter < PARAMETERS; parameter++) {
      const begin = from + parameter * KEYS_PER_PARAMETER;
      const end = Math.min(begin + KEYS_PER_PARAMETER, from + KEYS_PER_QUESTION);
      params[`keys${parameter}`] = keys.slice(begin, end).map(toHex).join(',');
    }
    for (const { key } of await ask(client, {
      sql: sql.knownKeys,
      params,
      row: keyRow,
      settings,
      timeoutMs: QUESTION_TIMEOUT_MS,
    })) {
      found.add(Buffer.from(key, 'hex').toString('latin1'));
    }
  }
  return found;
}

function toHex(key: string): string {
  return Buffer.from(key, 'latin1').toString('hex');
}
