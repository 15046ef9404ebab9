import type { DashboardStore } from './dashboard-store.ts';
import type { LikelyTop } from './likely-top.ts';
import type { EventCounts, Figures, Selection } from './questions.ts';
import {
  countsRollupSql,
  countsRow,
  MAX_COUNTS,
  MAX_TYPES,
  sessionsRollupSql,
  sessionsRow,
  usersRollupSql,
  usersRow,
} from './statements.ts';
import { findTopUsers } from './top-users.ts';
import { type Window, wholeParams } from './window.ts';

const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 60 * 60_000;
const NOBODY = { users: 0, events: 0, top: [] };

/** Figures without a filter from the rollups, and from the rows at the window's two edges. */
export async function fromRollups(
  store: DashboardStore,
  likelyTop: LikelyTop,
  selection: Selection,
): Promise<Figures> {
  const { window } = selection;
  const params = wholeParams(window, HOUR_MS);
  const readUsers = async () => {
    const [row = NOBODY] = await store.askRollups('dashboard_users', {
      sql: usersRollupSql,
      row: usersRow,
      params,
    });
    return row;
  };
  const [counts, { found, topUsers }, [sessions]] = await Promise.all([
    readCounts(store, window),
    findTopUsers(store, likelyTop, selection, readUsers),
    store.askRollups('dashboard_sessions', { sql: sessionsRollupSql, row: sessionsRow, params }),
  ]);
  return {
    counts,
    users: found.users,
    userEvents: found.events,
    topUsers,
    sessions: sessions?.sessions ?? 0,
  };
}

async function readCounts(store: DashboardStore, window: Window): Promise<EventCounts> {
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
