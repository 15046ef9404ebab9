import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';

/** Inserts that go on beside questions. */
export interface BesideWriter {
  /** What it has reached so far. */
  rowsPerSecond(): number;
  /** Ends it and takes away what it has stored. */
  stop(): Promise<void>;
}

const INSERTS_PER_SECOND = 2;
/** A partition of its own, so that what it stores can go in one step. */
const MONTH = 209_901;
const INSERT_TIMEOUT_MS = 60_000;

/** Stores events of another workspace at a steady pace, half a second's at once. */
export async function startBesideWriter(options: {
  client: ClickHouseClient;
  rowsPerSecond: number;
}): Promise<BesideWriter> {
  const { client } = options;
  const rows = Math.ceil(options.rowsPerSecond / INSERTS_PER_SECOND);
  const startedAt = performance.now();
  let stored = 0;
  let isStopped = false;
  let failure: unknown;
  const insert = async (): Promise<void> => {
    await client.command({
      query: `INSERT INTO millrace.events (workspace_id, event_id, event_type, dialect, user_id, session_id, payload, metadata, occurred_at, received_at, _shard, _seq, _month)
SELECT 'beside', toString(generateUUIDv7()), concat('type_', toString(number % 50)), 'analytics', concat('user_', toString(rand() % 100000)), concat('s_', toString(rand(1) % 100000)),
  concat('{"plan":"gold","amount":', toString(rand(2) % 1000), ',"ref":"https://example.com/', hex(rand64(3)), '"}'), '{}', now64(3), now64(3), 2000, {from:UInt64} + number + 1, {month:UInt32}
FROM numbers({rows:UInt64})`,
      query_params: { from: stored, rows, month: MONTH },
      clickhouse_settings: { max_threads: 1, wait_end_of_query: 1 },
      abort_signal: AbortSignal.timeout(INSERT_TIMEOUT_MS),
    });
    stored += rows;
  };
  const run = async (): Promise<void> => {
    for (let next = 1; !isStopped; next++) {
      await insert();
      await sleep(Math.max(0, startedAt + (next * 1_000) / INSERTS_PER_SECOND - performance.now()));
    }
  };
  await insert();
  const running = run().catch((error: unknown) => {
    failure = error;
  });
  return {
    rowsPerSecond: () => (stored / (performance.now() - startedAt)) * 1_000,
    async stop() {
      isStopped = true;
      await running;
      await client.command({ query: `ALTER TABLE millrace.events DROP PARTITION ${MONTH}` });
      if (failure !== undefined) throw failure;
    },
  };
}
