import { type ClickHouseClient, ClickHouseError, type ClickHouseSettings } from '@clickhouse/client';
import { PROPERTY_SLOTS } from '@millrace/wire';
import { AS_ONE_PART, sendRows } from './send-rows.ts';

/** What ClickHouse needs to read rows that are encoded messages. */
export interface RowSchema {
  /** The proto file, without its comments: it travels with every insert. */
  readonly text: string;
  readonly messageName: string;
  /** The columns that an insert names: the message's fields. */
  readonly columns: readonly string[];
}

/** An insert of length-delimited protobuf messages. */
export interface ProtobufInsert {
  /** The messages, each behind its length as a varint; cut anywhere. Read once. */
  readonly body: Iterable<Buffer> | AsyncIterable<Buffer>;
  /** A repeated token makes a repeated insert do nothing. */
  readonly token: string;
  readonly queryId: string;
  /** Milliseconds until the outcome counts as unknown. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Streams encoded messages into ClickHouse's own protobuf reader. */
export interface ProtobufInserter {
  /** Inserts as one part. Throws what the client throws: the outcome is then unknown to the caller. */
  insert(insert: ProtobufInsert): Promise<void>;
  /** Has ClickHouse read the messages as for an insert and throw them away. */
  dryRun(insert: Pick<ProtobufInsert, 'body' | 'timeoutMs' | 'signal'>): Promise<void>;
}

/** Makes the inserter of a table whose columns are named after the message's fields. */
export function createProtobufInserter(options: {
  client: ClickHouseClient;
  /** `database.table`, from settings and never from a request. */
  table: string;
  schema: RowSchema;
  /** What a cluster needs beside. */
  settings?: ClickHouseSettings;
}): ProtobufInserter {
  const { client, schema } = options;
  const columns = schema.columns.join(', ');
  // The columns of the table are not known to null(): the types are those that the reader meets in the table.
  const insertSql = `INSERT INTO ${options.table} (${columns}) FORMAT Protobuf`;
  const dryRunSql = `INSERT INTO FUNCTION null('${DRY_RUN_STRUCTURE}') (${columns}) FORMAT Protobuf`;
  const settings: ClickHouseSettings = {
    format_schema_source: 'string',
    format_schema: schema.text,
    format_schema_message_name: schema.messageName,
    input_format_parallel_parsing: 0,
    ...AS_ONE_PART,
  };
  const send = (
    query: string,
    { body, timeoutMs, signal }: Pick<ProtobufInsert, 'body' | 'timeoutMs' | 'signal'>,
    more: ClickHouseSettings,
    queryId?: string,
  ) => sendRows(client, { query, body, timeoutMs, signal, queryId, settings: { ...settings, ...more } });
  const schemaUse = takeTurns({
    tryOut: () => send(dryRunSql, { body: [], timeoutMs: SCHEMA_TIMEOUT_MS }, {}),
    forget: () => forgetSchemas(client),
  });
  return {
    insert: (insert) =>
      schemaUse(() =>
        send(
          insertSql,
          insert,
          { ...options.settings, insert_deduplication_token: insert.token },
          insert.queryId,
        ),
      ),
    dryRun: (insert) => schemaUse(() => send(dryRunSql, insert, {})),
  };
}

const SCHEMA_TIMEOUT_MS = 10_000;
const BAD_ARGUMENTS = '36';

/**
 * Has the schema tried out, alone, before the first use and after each failure that speaks of it. A server keeps the text in a
 * file and what it has read of it in memory; requests that meet a new text together read the file half written, and what was
 * read then stays until the server is told to forget it.
 */
function takeTurns(schema: {
  tryOut(): Promise<void>;
  forget(): Promise<void>;
}): (use: () => Promise<void>) => Promise<void> {
  let known: Promise<void> | undefined;
  const learn = async (): Promise<void> => {
    try {
      await schema.tryOut();
    } catch (error) {
      if (!isSchemaMisread(error)) throw error;
      await schema.forget();
      await schema.tryOut();
    }
  };
  return async (use) => {
    known ??= learn();
    const mine = known;
    // Who comes next has it tried out again, unless somebody has begun that already.
    const doubt = () => {
      if (known === mine) known = undefined;
    };
    try {
      await mine;
    } catch (error) {
      doubt();
      throw error;
    }
    try {
      await use();
    } catch (error) {
      if (isSchemaMisread(error)) doubt();
      throw error;
    }
  };
}

/** The server's words for a schema that it has read in part. */
function isSchemaMisread(error: unknown): boolean {
  return (
    error instanceof ClickHouseError && error.code === BAD_ARGUMENTS && error.message.includes('schema file')
  );
}

async function forgetSchemas(client: ClickHouseClient): Promise<void> {
  await client.command({
    query: 'SYSTEM DROP FORMAT SCHEMA CACHE FOR Protobuf',
    abort_signal: AbortSignal.timeout(SCHEMA_TIMEOUT_MS),
  });
}

const DRY_RUN_STRUCTURE = [
  'workspace_id LowCardinality(String)',
  'event_id String',
  'event_type LowCardinality(String)',
  'dialect LowCardinality(String)',
  'source String',
  'user_id String',
  'session_id String',
  'occurred_at_ms Int64',
  'received_at_ms Int64',
  'priority UInt8',
  'labels Array(String)',
  'payload String',
  'metadata String',
  'dedup_key FixedString(16)',
  'trace_id String',
  '_shard UInt32',
  '_seq UInt64',
  '_index UInt32',
  '_month UInt32',
  '_properties UInt32',
  ...numbered((slot) => `_text_${slot} LowCardinality(String)`),
  ...numbered((slot) => `_number_${slot} Nullable(Float64)`),
].join(', ');

function numbered(column: (slot: number) => string): string[] {
  return Array.from({ length: PROPERTY_SLOTS }, (_, i) => column(i + 1));
}
