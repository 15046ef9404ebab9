import type { ClickHouseSettings } from '@millrace/stores';
import type { DashboardStore } from './dashboard-store.ts';
import type { LikelyTop } from './likely-top.ts';
import type { Figures, Selection } from './questions.ts';
import { onePassRow, onePassSql, topUserRow, topUsersOfRowsSql } from './statements.ts';
import { findTopUsers } from './top-users.ts';

const HOUR_MS = 60 * 60_000;
const NOTHING = { users: 0, events: 0, top: [], types: [], buckets: [], sessions: 0 };

/** Figures in one pass over the rows. */
export async function fromRows(
  store: DashboardStore,
  likelyTop: LikelyTop,
  selection: Selection,
): Promise<Figures> {
  const { window, eventType, userIdPart } = selection;
  // To look through the projections costs more than a day's rows do; what is filtered lies together in one.
  const isFiltered = eventType !== '' || userIdPart !== '';
  const settings: ClickHouseSettings = isFiltered ? {} : { optimize_use_projections: 0 };
  const readRow = async () => {
    const question = { sql: onePassSql, row: onePassRow };
    const [row = NOTHING] = await store.ask('dashboard_figures', question, settings);
    return row;
  };
  const readFew = async () => {
    const question = { sql: topUsersOfRowsSql, row: topUserRow };
    const [found, topUsers] = await Promise.all([
      readRow(),
      store.ask('dashboard_top_users', question, settings),
    ]);
    return { found, topUsers };
  };
  // Few rows are read twice at once in less time than it takes to ask who is meant.
  const areFew = window.endMs - window.startMs <= HOUR_MS && userIdPart === '';
  const { found, topUsers } = await (areFew ? readFew() : findTopUsers(store, likelyTop, selection, readRow));
  return {
    counts: {
      byType: found.types.map(([negated, type]) => ({ type, count: -negated })),
      byBucket: new Map(found.buckets),
    },
    users: found.users,
    userEvents: found.events,
    topUsers,
    sessions: found.sessions,
  };
}
