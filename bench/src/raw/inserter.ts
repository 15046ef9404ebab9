import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { EVENT_PROTO } from '@millrace/contracts/event-proto';
import type { RawInsertCommand, RawInsertReport, RawInsertTarget } from './raw-inserter.ts';

// The raw limit of the writer: the same encoded rows through one HTTP insert, from memory, with nothing to read, to
// check or to remember. It takes the rows out of the events table, so that they are those that the writer put there.

const CHUNK_BYTES = 1024 * 1024;
const COLUMNS = [
  'workspace_id',
  'event_id',
  'event_type',
  'dialect',
  'source',
  'user_id',
  'session_id',
  'occurred_at_ms',
  'received_at_ms',
  'priority',
  'labels',
  'payload',
  'metadata',
  'dedup_key',
  'trace_id',
  '_shard',
  '_seq',
  '_index',
  '_month',
];

/** Columns that a select can't take as they are. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  occurred_at_ms: 'toUnixTimestamp64Milli(occurred_at) AS occurred_at_ms',
  received_at_ms: 'toUnixTimestamp64Milli(received_at) AS received_at_ms',
  // An event without a key has no such field, and not one of zeros.
  dedup_key: "if(dedup_key = toFixedString('', 16), '', toString(dedup_key)) AS dedup_key",
};

const target: RawInsertTarget = JSON.parse(process.argv[2] ?? '');
const tell = (report: RawInsertReport) => process.send?.(report);

process.on('disconnect', () => process.exit(0));
const material = await readRows();
process.on('message', (command: RawInsertCommand) => {
  insert(command).then(
    () => tell({ kind: 'inserted' }),
    (error: unknown) =>
      tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
tell({ kind: 'loaded', bytes: material.length });

async function readRows(): Promise<Buffer> {
  const columns = COLUMNS.map((column) => EXPRESSIONS[column] ?? column).join(', ');
  const call = open(
    `SELECT ${columns} FROM events ORDER BY _seq DESC, _index DESC LIMIT ${target.rows} FORMAT Protobuf`,
    {},
  );
  call.end();
  const response = await answerOf(call);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function insert({ repeats, blockRows }: RawInsertCommand): Promise<void> {
  const call = open(`INSERT INTO bench_raw (${COLUMNS.join(', ')}) FORMAT Protobuf`, {
    input_format_parallel_parsing: '0',
    max_insert_block_size: String(blockRows),
    min_insert_block_size_rows: String(blockRows),
    min_insert_block_size_bytes: '0',
    max_insert_threads: '1',
    async_insert: '0',
    wait_end_of_query: '1',
  });
  const answered = answerOf(call);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (let at = 0; at < material.length; at += CHUNK_BYTES) {
      if (!call.write(material.subarray(at, at + CHUNK_BYTES))) await once(call, 'drain');
    }
  }
  call.end();
  await text(await answered);
}

function open(query: string, settings: Readonly<Record<string, string>>): ClientRequest {
  const parameters = new URLSearchParams({
    database: target.database,
    query,
    format_schema_source: 'string',
    format_schema: EVENT_PROTO,
    format_schema_message_name: 'Event',
    ...settings,
  });
  return request(`${target.url}/?${parameters}`, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': target.username, 'X-ClickHouse-Key': target.password },
  });
}

async function answerOf(call: ClientRequest): Promise<IncomingMessage> {
  // `response` carries one argument, the message.
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`ClickHouse: ${(await text(response)).slice(0, 500)}`);
  return response;
}
