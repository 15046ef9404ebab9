import assert from 'node:assert/strict';
import type { ClickHouseClient } from '@millrace/stores';
import type { RollupVerdict } from '../src/migrations/rollups/verify-rollups.ts';

/** Inserts events of three workspaces over some hours, of which users and sessions come again. */
export async function insertEvents(
  client: ClickHouseClient,
  { from, rows, month = 202601, token }: { from: number; rows: number; month?: number; token?: string },
): Promise<void> {
  await client.command({
    query: `INSERT INTO millrace.events
      (workspace_id, event_id, event_type, dialect, user_id, session_id, received_at, occurred_at, _shard, _seq, _month)
      SELECT 'w' || toString(number % 3), toString(number), 't' || toString(number % 5), 'email', 'u' || toString(number % 37),
        's' || toString(number % 91), toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') + number * 7, now64(3),
        1000 + number % 2, number, ${month}
      FROM numbers(${from}, ${rows})`,
    clickhouse_settings: {
      wait_end_of_query: 1,
      ...(token === undefined ? {} : { insert_deduplication_token: token }),
    },
  });
}

/** Every projection of the events has all rows, and says what they say. */
export function assertRollupsEqual(verdicts: readonly RollupVerdict[], rows: number): void {
  assert.deepEqual(
    verdicts.map(({ projection, compared, without, differences }) => [
      projection,
      compared.rows,
      without.parts,
      differences,
    ]),
    ['p_bytype', 'p_dim', 'p_pos', 'p_type', 'p_user', 'p_userevents'].map((name) => [name, rows, 0, []]),
  );
}
