import type { DashboardStore } from './dashboard-store.ts';
import type { EventCounts } from './questions.ts';
import { countsRollupSql, countsRow, MAX_COUNTS, MAX_TYPES } from './statements.ts';
import { type Window, wholeParams } from './window.ts';

const QUARTER_MS = 15 * 60_000;

/** Counts from the rollup by quarter hours. */
export async function readCounts(store: DashboardStore, window: Window): Promise<EventCounts> {
  const rows = await store.askRollups('dashboard_counts', {
    sql: countsRollupSql,
    row: countsRow,
    params: { limit: MAX_COUNTS, ...wholeParams(window, QUARTER_MS) },
  });
  const types = rows.filter(({ isBucket }) => isBucket === 0).slice(0, MAX_TYPES);
  const buckets = rows.filter(({ isBucket }) => isBucket === 1);
  return {
    byType: types.map(({ type, count }) => ({ type, count })),
    byBucket: new Map(buckets.map(({ bucketMs, count }) => [bucketMs, count])),
  };
}
