import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';

/** A statement and the rows that it stores. */
export interface RowsToSend {
  readonly query: string;
  /** In the statement's format; cut anywhere. Read once. */
  readonly body: Iterable<Buffer> | AsyncIterable<Buffer>;
  readonly settings: ClickHouseSettings;
  /** Milliseconds until the outcome counts as unknown. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly queryId?: string | undefined;
}

/**
 * More rows than any batch has: a block that is cut would make two parts, of which one can be lost.
 * The two `min_` settings make the server wait for the whole body before it writes.
 */
const ROWS_ABOVE_ANY_BATCH = '10000000';
const BYTES_ABOVE_ANY_BATCH = '4294967296';

/** Makes an insert one part, of which a token says whether it was stored before. */
export const AS_ONE_PART = {
  max_insert_block_size: ROWS_ABOVE_ANY_BATCH,
  min_insert_block_size_rows: ROWS_ABOVE_ANY_BATCH,
  min_insert_block_size_bytes: BYTES_ABOVE_ANY_BATCH,
  max_insert_threads: '1',
  async_insert: 0,
  insert_deduplicate: 1,
} as const satisfies ClickHouseSettings;

/** Streams the rows and waits for the end of the statement. Throws what the client throws: the outcome is then unknown. */
export async function sendRows(client: ClickHouseClient, rows: RowsToSend): Promise<void> {
  // The client begins a request whose signal is aborted already.
  rows.signal?.throwIfAborted();
  const deadline = AbortSignal.timeout(rows.timeoutMs);
  const { stream } = await client.exec({
    query: rows.query,
    values: Readable.from(rows.body, { objectMode: false, highWaterMark: 1 << 20 }),
    clickhouse_settings: { ...rows.settings, wait_end_of_query: 1 },
    abort_signal: rows.signal ? AbortSignal.any([deadline, rows.signal]) : deadline,
    ...(rows.queryId === undefined ? {} : { query_id: rows.queryId }),
  });
  stream.resume();
  await finished(stream, { writable: false });
}
