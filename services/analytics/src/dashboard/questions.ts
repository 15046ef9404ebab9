import { ask, type ClickHouseClient, type ClickHouseSettings } from '@millrace/stores';
import type { z } from 'zod';
import type { AnalyticsMetrics } from '../metrics.ts';
import { askRollups } from '../rollup-tables.ts';
import { wholeUnits } from '../whole-units.ts';
import {
  countsRollupSql,
  countsRow,
  filterOf,
  foundUserRow,
  MAX_COUNTS,
  MAX_TYPES,
  onePassRow,
  onePassSql,
  sessionsRollupSql,
  sessionsRow,
  topUserRow,
  topUsersOfRowsSql,
  topUsersSql,
  usersRollupSql,
  usersRow,
} from './statements.ts';
import type { Window } from './window.ts';

/** What of a workspace's events is looked at. */
export interface Selection {
  readonly workspaceId: string;
  readonly window: Window;
  /** Exactly this type; empty for all. */
  readonly eventType: string;
  /** Users with this in their id, whatever its case; empty for all. */
  readonly userIdPart: string;
}

/** How many events, by type and by bucket. */
export interface EventCounts {
  /** Most frequent first, equal ones by name; the first 1000. */
  readonly byType: readonly { readonly type: string; readonly count: number }[];
  /** By the bucket's beginning in milliseconds; buckets without events are missing. */
  readonly byBucket: ReadonlyMap<number, number>;
}

/** How many users. */
export interface UserCounts {
  readonly users: number;
  /** Events that have a user. */
  readonly events: number;
}

/** One of those who have most events. */
export interface TopUser {
  readonly userId: string;
  readonly events: number;
  /** Their newest event, in milliseconds since 1970. */
  readonly lastMs: number;
  /** Most frequent first, equal ones by name; the first 100. */
  readonly types: readonly string[];
}

/** The figures of a selection, each as soon as it is there. All have to be awaited. */
export interface Figures {
  readonly counts: Promise<EventCounts>;
  readonly users: Promise<UserCounts>;
  /** Most events first, equal ones by the hash of their id; the first ten. */
  readonly topUsers: Promise<readonly TopUser[]>;
  /** How many sessions have events. */
  readonly sessions: Promise<number>;
}

/** What the dashboard is made of. Each throws MillraceError `unavailable` when no answer comes in time. */
export interface DashboardQuestions {
  figures(selection: Selection, signal: AbortSignal): Figures;
}

const TIMEOUT_MS = 4_500;
const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 60 * 60_000;

/** Asks ClickHouse. Windows of more than a day are read from the rollups where those can tell, to the same result. */
export function createDashboardQuestions(options: {
  client: ClickHouseClient;
  metrics: AnalyticsMetrics;
}): DashboardQuestions {
  const { client, metrics } = options;
  return {
    figures(selection, signal) {
      const put = <Row>(question: StoreQuestion<Row>, settings: ClickHouseSettings = {}): Promise<Row[]> =>
        ask(client, {
          sql: question.sql.replaceAll('{{filter}}', filterOf(selection)),
          params: { ...selection, ...selection.window, ...question.params },
          row: question.row,
          timeoutMs: TIMEOUT_MS,
          signal,
          settings,
        });
      const store: DashboardStore = {
        ask: (name, question, settings) => metrics.timed(name, () => put(question, settings)),
        askRollups: (name, question) =>
          metrics.timed(name, () =>
            askRollups(question.sql, (sql, settings) => put({ ...question, sql }, settings)),
          ),
      };
      return readsRollups(selection) ? fromRollups(store, selection) : fromRows(store, selection);
    },
  };
}

interface StoreQuestion<Row> {
  readonly sql: string;
  readonly row: z.ZodType<Row>;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Asks about one selection. */
interface DashboardStore {
  ask<Row>(name: string, question: StoreQuestion<Row>, settings?: ClickHouseSettings): Promise<Row[]>;
  /** Of a statement that names rollups. */
  askRollups<Row>(name: string, question: StoreQuestion<Row>): Promise<Row[]>;
}

/** A day is read from the rows in less time; the rollup by hours knows no types, and filtering it by users costs more than it saves. */
function readsRollups({ window, eventType, userIdPart }: Selection): boolean {
  return lengthMs(window) > 24 * HOUR_MS && eventType === '' && userIdPart === '';
}

/** What is read twice at once takes less time than two statements in turn, unless it has to be looked for who is meant. */
function hasFewRows({ window, userIdPart }: Selection): boolean {
  return lengthMs(window) <= HOUR_MS && userIdPart === '';
}

function fromRollups(store: DashboardStore, { window }: Selection): Figures {
  const quarters = { limit: MAX_COUNTS, ...wholeParams(window, QUARTER_MS) };
  const hours = wholeParams(window, HOUR_MS);
  const counts = store.askRollups('dashboard_counts', {
    sql: countsRollupSql,
    row: countsRow,
    params: quarters,
  });
  const users = store
    .askRollups('dashboard_users', { sql: usersRollupSql, row: usersRow, params: hours })
    .then(([row = NOBODY]) => row);
  const sessions = store.askRollups('dashboard_sessions', {
    sql: sessionsRollupSql,
    row: sessionsRow,
    params: hours,
  });
  return {
    counts: counts.then((rows) => ({
      byType: rows.filter(({ isBucket }) => isBucket === 0).slice(0, MAX_TYPES),
      byBucket: new Map(
        rows.filter(({ isBucket }) => isBucket === 1).map(({ bucketMs, count }) => [bucketMs, count]),
      ),
    })),
    users,
    topUsers: users.then(({ top }) => detailsOf(store, top)),
    sessions: sessions.then(([row]) => row?.sessions ?? 0),
  };
}

function fromRows(store: DashboardStore, selection: Selection): Figures {
  // To look through the projections costs more than a day's rows do; what is filtered lies together in one.
  const isFiltered = selection.eventType !== '' || selection.userIdPart !== '';
  const settings: ClickHouseSettings = isFiltered ? {} : { optimize_use_projections: 0 };
  const row = store
    .ask('dashboard_figures', { sql: onePassSql, row: onePassRow }, settings)
    .then(([found = NOTHING]) => found);
  return {
    counts: row.then(({ types, buckets }) => ({
      byType: types.map(([negated, type]) => ({ type, count: -negated })),
      byBucket: new Map(buckets),
    })),
    users: row,
    topUsers: hasFewRows(selection)
      ? store.ask('dashboard_top_users', { sql: topUsersOfRowsSql, row: topUserRow }, settings)
      : row.then(({ top }) => detailsOf(store, top)),
    sessions: row.then(({ sessions }) => sessions),
  };
}

const NOBODY = { users: 0, events: 0, top: [] };
const NOTHING = { ...NOBODY, types: [], buckets: [], sessions: 0 };

/** Who they are that have most events. */
async function detailsOf(
  store: DashboardStore,
  top: z.output<typeof usersRow>['top'],
): Promise<readonly TopUser[]> {
  if (top.length === 0) return [];
  const found = await store.ask('dashboard_top_users', {
    sql: topUsersSql,
    row: foundUserRow,
    params: { userHashes: top.map(([, userHash]) => BigInt(userHash)) },
  });
  const users = new Map(found.map(({ userHash, ...user }) => [userHash, user]));
  return top.flatMap(([negated, userHash]) => {
    const user = users.get(userHash);
    // None of their events is left: somebody is deleting them.
    return user === undefined ? [] : [{ ...user, events: -Number(negated) }];
  });
}

function lengthMs({ startMs, endMs }: Window): number {
  return endMs - startMs;
}

function wholeParams({ startMs, endMs }: Window, unitMs: number): Record<string, number> {
  const { fromMs, toMs } = wholeUnits({ fromMs: startMs, toMs: endMs }, unitMs);
  return { wholeFromMs: fromMs, wholeToMs: toMs };
}
