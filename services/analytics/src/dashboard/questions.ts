import { ask, type ClickHouseClient, type ClickHouseSettings, loadSql } from '@millrace/stores';
import { z } from 'zod';
import type { AnalyticsMetrics } from '../metrics.ts';
import { askRollups } from '../rollup-tables.ts';
import { wholeUnits } from '../whole-units.ts';
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

/** How many users, and who they are that have most events. */
export interface UserCounts {
  readonly users: number;
  /** Events that have a user. */
  readonly events: number;
  /** Most events first, equal ones by hash; the first ten. */
  readonly top: readonly { readonly userHash: string; readonly events: number }[];
}

/** Who a user is and what they did. */
export interface UserDetails {
  readonly userHash: string;
  readonly userId: string;
  /** Their newest event, in milliseconds since 1970. */
  readonly lastMs: number;
  /** Most frequent first, equal ones by name; the first 100. */
  readonly types: readonly string[];
}

/** The figures of a selection, each as soon as it is there. All have to be awaited. */
export interface Figures {
  readonly counts: Promise<EventCounts>;
  readonly users: Promise<UserCounts>;
  /** How many sessions have events. */
  readonly sessions: Promise<number>;
}

/** What the dashboard is made of. Each throws MillraceError `unavailable` when no answer comes in time. */
export interface DashboardQuestions {
  figures(selection: Selection, signal: AbortSignal): Figures;
  /** Of some users, in no order. */
  userDetails(
    selection: Selection,
    userHashes: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly UserDetails[]>;
}

const TIMEOUT_MS = 4_500;
const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 60 * 60_000;
const MAX_TYPES = 1_000;
const MAX_BUCKETS = 100;
const MAX_TYPES_OF_USER = 100;
const TOP_USERS = 10;

/** A selection's filters as conditions; empty ones are left out, because they would cost as if they were there. */
const TYPE_FILTER = 'event_type = {eventType:String}';
const USER_FILTER = `user_h IN (
    SELECT user_h FROM events
    WHERE workspace_id = {workspaceId:String} AND positionCaseInsensitiveUTF8(user_id, {userIdPart:String}) > 0
    GROUP BY user_h
)`;
/** What of the window no whole unit covers. */
const EDGES = `(
    (received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({wholeFromMs:Int64}, 'UTC'))
    OR (received_at >= fromUnixTimestamp64Milli({wholeToMs:Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC'))
)`;

const sql = (name: string) =>
  loadSql(import.meta.url, `queries/${name}.sql`)
    .replaceAll('{{edges}}', EDGES)
    .replaceAll('{{top}}', `${TOP_USERS}`)
    .replaceAll('{{types}}', `${MAX_TYPES}`)
    .replaceAll('{{types_of_user}}', `${MAX_TYPES_OF_USER}`);
const onePassSql = sql('one-pass');
const countsRollupSql = sql('counts-rollup');
const usersRollupSql = sql('users-rollup');
const sessionsRollupSql = sql('sessions-rollup');
const topUsersSql = sql('top-users');

const count = z.coerce.number();
const countsRow = z.object({ type: z.string(), bucketMs: count, isBucket: count, count });
const usersRow = z.object({ users: count, events: count, top: z.array(z.tuple([z.string(), z.string()])) });
const pair = <T extends z.ZodType>(second: T) => z.array(z.tuple([count, second]));
const onePassRow = usersRow.extend({ types: pair(z.string()), buckets: pair(count), sessions: count });
const sessionsRow = z.object({ sessions: count });
const userDetailsRow = z.object({
  userHash: z.string(),
  userId: z.string(),
  lastMs: count,
  types: z.array(z.string()),
});

/** Asks ClickHouse. Windows of more than a day are read from the rollups where those can tell, to the same result. */
export function createDashboardQuestions(options: {
  client: ClickHouseClient;
  metrics: AnalyticsMetrics;
}): DashboardQuestions {
  const { client, metrics } = options;
  const putOnce = <Row>(
    text: string,
    row: z.ZodType<Row>,
    params: Record<string, unknown>,
    selection: Selection,
    signal: AbortSignal,
    settings: ClickHouseSettings,
  ): Promise<Row[]> =>
    ask(client, {
      sql: text.replaceAll('{{filter}}', filterOf(selection)),
      params: { ...selection, ...selection.window, ...params },
      row,
      timeoutMs: TIMEOUT_MS,
      signal,
      settings,
    });
  const put = <Row>(
    name: string,
    text: string,
    row: z.ZodType<Row>,
    params: Record<string, unknown>,
    selection: Selection,
    signal: AbortSignal,
    settings: ClickHouseSettings = {},
  ): Promise<Row[]> => metrics.timed(name, () => putOnce(text, row, params, selection, signal, settings));
  const putToRollups = <Row>(
    name: string,
    text: string,
    row: z.ZodType<Row>,
    params: Record<string, unknown>,
    selection: Selection,
    signal: AbortSignal,
  ): Promise<Row[]> =>
    metrics.timed(name, () =>
      askRollups(text, (way, settings) => putOnce(way, row, params, selection, signal, settings)),
    );

  const fromRows = async (selection: Selection, signal: AbortSignal) => {
    // To look through the projections costs more than a day's rows do; what is filtered lies together in one.
    const isFiltered = selection.eventType !== '' || selection.userIdPart !== '';
    const settings: ClickHouseSettings = isFiltered ? {} : { optimize_use_projections: 0 };
    const [row] = await put('dashboard_figures', onePassSql, onePassRow, {}, selection, signal, settings);
    return row ?? { users: 0, events: 0, top: [], types: [], buckets: [], sessions: 0 };
  };
  const countsFromRollup = async (selection: Selection, signal: AbortSignal): Promise<EventCounts> => {
    const params = { limit: MAX_TYPES + MAX_BUCKETS, ...wholeParams(selection.window, QUARTER_MS) };
    const rows = await putToRollups(
      'dashboard_counts',
      countsRollupSql,
      countsRow,
      params,
      selection,
      signal,
    );
    const types = rows.filter((row) => row.isBucket === 0).slice(0, MAX_TYPES);
    const buckets = rows.filter((row) => row.isBucket === 1);
    return {
      byType: types.map((row) => ({ type: row.type, count: row.count })),
      byBucket: new Map(buckets.map((row) => [row.bucketMs, row.count])),
    };
  };
  const usersFromRollup = async (selection: Selection, signal: AbortSignal): Promise<UserCounts> => {
    const params = wholeParams(selection.window, HOUR_MS);
    const [row] = await putToRollups('dashboard_users', usersRollupSql, usersRow, params, selection, signal);
    return userCounts(row ?? { users: 0, events: 0, top: [] });
  };
  const sessionsFromRollup = async (selection: Selection, signal: AbortSignal): Promise<number> => {
    const params = wholeParams(selection.window, HOUR_MS);
    const [row] = await putToRollups(
      'dashboard_sessions',
      sessionsRollupSql,
      sessionsRow,
      params,
      selection,
      signal,
    );
    return row?.sessions ?? 0;
  };

  return {
    figures(selection, signal) {
      if (readsRollups(selection)) {
        return {
          counts: countsFromRollup(selection, signal),
          users: usersFromRollup(selection, signal),
          sessions: sessionsFromRollup(selection, signal),
        };
      }
      const row = fromRows(selection, signal);
      return {
        counts: row.then(({ types, buckets }) => ({
          byType: types.map(([negated, type]) => ({ type, count: -negated })),
          byBucket: new Map(buckets),
        })),
        users: row.then(userCounts),
        sessions: row.then(({ sessions }) => sessions),
      };
    },
    userDetails(selection, userHashes, signal) {
      return putToRollups(
        'dashboard_top_users',
        topUsersSql,
        userDetailsRow,
        { userHashes: userHashes.map(BigInt) },
        selection,
        signal,
      );
    },
  };
}

function filterOf({ eventType, userIdPart }: Selection): string {
  const conditions = [
    ...(eventType === '' ? [] : [TYPE_FILTER]),
    ...(userIdPart === '' ? [] : [USER_FILTER]),
  ];
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}

/** A day is read from the rows in less time; the rollup by hours knows no types, and filtering it by users costs more than it saves. */
function readsRollups({ window, eventType, userIdPart }: Selection): boolean {
  return window.endMs - window.startMs > 24 * HOUR_MS && eventType === '' && userIdPart === '';
}

function userCounts({ users, events, top }: z.output<typeof usersRow>): UserCounts {
  return {
    users,
    events,
    top: top.map(([negated, userHash]) => ({ userHash, events: -Number(negated) })),
  };
}

function wholeParams({ startMs, endMs }: Window, unitMs: number): Record<string, number> {
  const { fromMs, toMs } = wholeUnits({ fromMs: startMs, toMs: endMs }, unitMs);
  return { wholeFromMs: fromMs, wholeToMs: toMs };
}
