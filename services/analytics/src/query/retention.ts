import {
  ColumnType,
  Interval,
  type Retention,
  RetentionKind,
} from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { wholeUnits } from '../whole-units.ts';
import { filterCondition } from './filter.ts';
import { measureColumn } from './measures.ts';
import { type Statement, StatementDraft } from './statement.ts';
import { type Actor, actorOf, stepCondition } from './steps.ts';
import {
  bucketAxis,
  hasWholeHours,
  periodsOfDays,
  type QueryWindow,
  type QuestionScope,
  timeLiteral,
  windowCondition,
} from './window.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_PERIODS = 60;
/** Where no period is given. */
const DEFAULT_PERIOD = Interval.WEEK;
const SHORTEST_DAYS: Partial<Record<Interval, number>> = {
  [Interval.DAY]: 1,
  [Interval.WEEK]: 7,
  [Interval.MONTH]: 28,
};

/**
 * How many of those who start in a period return in it and in each later one of the window. An actor's periods are the bits of two
 * numbers. Throws MillraceError `invalid_argument` naming the field.
 */
export function retentionStatement(
  question: Retention,
  { workspaceId, window, filter, properties }: QuestionScope,
): Statement {
  const period = question.period === Interval.UNSPECIFIED ? DEFAULT_PERIOD : question.period;
  const shortest = SHORTEST_DAYS[period];
  if (shortest === undefined) throw fieldError('retention.period', 'must be a day, a week or a month');
  // The first and the last period may reach out of the window.
  if ((window.toMs - window.fromMs) / (shortest * DAY_MS) > MAX_PERIODS - 2) {
    throw fieldError('retention.period', `makes more than ${MAX_PERIODS} periods of this window`);
  }
  const draft = new StatementDraft(properties);
  const actor = actorOf(question.by, 'userId', 'retention.by');
  const starts = stepCondition(question.start, 'retention.start', draft);
  const returns = stepCondition(question.return, 'retention.return', draft);
  const condition = filterCondition(filter, 'filter', draft);
  const where = windowCondition(workspaceId, window, draft);
  const { firstDay, periods: ofDays } = periodsOfDays(period, window);
  // An event's day is all that has to be found out in its row.
  const zone = draft.bind(window.timeZone, 'String');
  const days = { ofDays: draft.bind(ofDays, 'Array(UInt8)'), before: draft.bind(firstDay - 1, 'Int64') };
  const periodAt = (time: string) => `${days.ofDays}[toInt32(toDate32(${time}, ${zone})) - ${days.before}]`;
  const isAnything = [condition, starts, returns].every((text) => text === '1');
  const readsRollups = isAnything && window.column === 'received_at' && hasWholeHours(window);
  const activity = readsRollups
    ? hourlyActivity(workspaceId, window, actor, periodAt, draft)
    : `${draft.withPaths()}SELECT ${actor.column} AS actor, ${periodAt(window.column)} AS at, ${starts} AS starts, ${returns} AS returns
                FROM events
                WHERE ${where}
                  AND ${actor.isKnown}
                  AND ${condition}
                  AND (starts OR returns)`;
  const isFirstTime = question.kind !== RetentionKind.RETURNING;
  const cohorts = `arrayFilter(c -> bitTest(started, c), range(length(periods)))`;
  const sql = `WITH (SELECT arraySort(groupArray(bucket)) FROM (${bucketAxis(period, window, draft)})) AS periods
SELECT periods[cohort + 1] AS cohort_start, size, period, back, back / size AS share
FROM
(
    SELECT cohort, period, count() AS size, countIf(bitTest(returned, cohort + period)) AS back
    FROM
    (
        SELECT returned, arrayJoin(${isFirstTime ? `arraySlice(${cohorts}, 1, 1)` : cohorts}) AS cohort
        FROM
        (
            SELECT groupBitOr(if(starts, bitShiftLeft(toUInt64(1), at), 0)) AS started,
                groupBitOr(if(returns, bitShiftLeft(toUInt64(1), at), 0)) AS returned
            FROM
            (
                ${activity}
            )
            GROUP BY actor
        )
    )
    ARRAY JOIN range(toUInt64(length(periods) - cohort)) AS period
    GROUP BY cohort, period
)
ORDER BY cohort, period`;
  return draft.finish(
    sql,
    [{ name: 'cohort', type: ColumnType.TIME }, ...['size', 'period', 'count', 'share'].map(measureColumn)],
    { scopes: [where], readsRollups },
  );
}

/** When each actor did something: whole hours from the rollup, the window's two edges from the rows. */
function hourlyActivity(
  workspaceId: string,
  window: QueryWindow,
  actor: Actor,
  periodAt: (time: string) => string,
  draft: StatementDraft,
): string {
  const { fromMs, toMs } = wholeUnits(window, HOUR_MS);
  const workspace = `workspace_id = ${draft.bind(workspaceId, 'String')}`;
  const hour = (ms: number) => `toDateTime(${draft.bind(ms / 1_000, 'Int64')}, 'UTC')`;
  const between = (from: number, to: number) =>
    `(received_at >= ${timeLiteral(from, draft)} AND received_at < ${timeLiteral(to, draft)})`;
  const select = (time: string) =>
    `SELECT ${actor.column} AS actor, ${periodAt(time)} AS at, 1 AS starts, 1 AS returns`;
  return `${select('hour')}
                FROM {{users_by_hour}}
                WHERE ${workspace} AND hour >= ${hour(fromMs)} AND hour < ${hour(toMs)} AND ${actor.isKnown}
                UNION ALL
                ${select('received_at')}
                FROM events
                WHERE ${workspace} AND (${between(window.fromMs, fromMs)} OR ${between(toMs, window.toMs)}) AND ${actor.isKnown}`;
}
