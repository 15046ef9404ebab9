import { ColumnType, Interval, type TimeSeries } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { parseField } from '@millrace/wire';
import { textExpression } from './fields.ts';
import { filterCondition } from './filter.ts';
import { type CompiledMeasure, compileMeasures, measureColumn } from './measures.ts';
import { type Statement, StatementDraft } from './statement.ts';
import {
  bucketAxis,
  bucketExpression,
  type QueryWindow,
  type QuestionScope,
  SHORTEST_MS,
  windowCondition,
} from './window.ts';

const MAX_BUCKETS = 5_000;
const DEFAULT_SERIES = 10;
const MAX_SERIES = 50;
const MINUTE_MS = 60_000;
const TYPICAL_MS: Readonly<Record<Interval, number>> = {
  ...SHORTEST_MS,
  [Interval.UNSPECIFIED]: 60 * MINUTE_MS,
  [Interval.HOUR]: 60 * MINUTE_MS,
  [Interval.DAY]: 24 * 60 * MINUTE_MS,
  [Interval.WEEK]: 7 * 24 * 60 * MINUTE_MS,
  [Interval.MONTH]: 28 * 24 * 60 * MINUTE_MS,
};

/** Figures by buckets of time, every bucket of the window in order. Throws MillraceError `invalid_argument` naming the field. */
export function timeSeriesStatement(
  question: TimeSeries,
  { workspaceId, window, filter, properties }: QuestionScope,
): Statement {
  const { interval, breakdown, compare } = question;
  if (SHORTEST_MS[interval] === undefined) throw fieldError('time_series.interval', 'is not known');
  const lengthMs = window.toMs - window.fromMs;
  if (lengthMs / TYPICAL_MS[interval] > MAX_BUCKETS) {
    throw fieldError('time_series.interval', `makes more than ${MAX_BUCKETS} buckets of this window`);
  }
  if (question.top > MAX_SERIES) throw fieldError('time_series.top', `at most ${MAX_SERIES}`);
  const draft = new StatementDraft(properties);
  const field = breakdown === '' ? undefined : parseField(breakdown, 'time_series.breakdown');
  const value = field && textExpression(field, draft);
  const measures = compileMeasures(question.measures, 'time_series.measures', draft, {
    taken: ['time', ...(field ? [field.name] : [])],
    ...(compare && { also: beforeName }),
  });
  const condition = filterCondition(filter, 'filter', draft);
  const top = draft.bind(question.top || DEFAULT_SERIES, 'UInt32');

  const scopes: string[] = [];
  /** The figures of a window whose events lie `shiftMs` before the buckets that they count in. */
  const figuresOf = (part: QueryWindow, shiftMs: number): string => {
    const where = windowCondition(workspaceId, part, draft);
    scopes.push(where);
    const time =
      shiftMs === 0 ? part.column : `addMilliseconds(${part.column}, ${draft.bind(shiftMs, 'Int64')})`;
    return `${draft.withPaths()}SELECT ${bucketExpression(time, interval, window, draft)} AS bucket${value ? `, ${value} AS value` : ''}, ${figures(measures)}
FROM events
WHERE ${where}
  AND ${condition}
GROUP BY bucket${value ? ', value' : ''}`;
  };
  const current = figuresOf(window, 0);
  const before: QueryWindow = { ...window, fromMs: window.fromMs - lengthMs, toMs: window.fromMs };
  const earlier = compare ? figuresOf(before, lengthMs) : undefined;
  const buckets = bucketAxis(interval, window, draft);
  const series = value
    ? `${draft.withPaths()}SELECT value FROM (SELECT ${value} AS value, count() AS n FROM events WHERE ${windowCondition(workspaceId, window, draft)} AND ${condition} GROUP BY value ORDER BY n DESC, value NULLS LAST LIMIT ${top})`
    : undefined;
  return draft.finish(
    assemble({ measures, buckets, series, current, earlier }),
    [
      { name: 'time', type: ColumnType.TIME },
      ...(field ? [{ name: field.name, type: ColumnType.TEXT }] : []),
      ...measures.map(({ name }) => measureColumn(name)),
      ...(compare ? measures.map(({ name }) => measureColumn(beforeName(name))) : []),
    ],
    { scopes },
  );
}

function beforeName(name: string): string {
  return `${name}:before`;
}

function figures(measures: readonly CompiledMeasure[]): string {
  return measures.map(({ sql }, i) => `${sql} AS figure_${i}`).join(', ');
}

/**
 * Puts the parts together: an empty row for each bucket and series, and the figures of those that have events. Both meet in a group,
 * of which there is no figure or one.
 */
function assemble(parts: {
  measures: readonly CompiledMeasure[];
  buckets: string;
  series: string | undefined;
  current: string;
  earlier: string | undefined;
}): string {
  const { measures, buckets, series, current, earlier } = parts;
  const value = series ? ', value' : '';
  const names = (prefix: string) => measures.map((_, i) => `${prefix}_${i}`);
  const nothing = (prefix: string) => names(prefix).map((name) => `NULL AS ${name}`);
  const select = (isAxis: 0 | 1, columns: readonly string[], from: string) =>
    `SELECT bucket${value}, ${isAxis} AS is_axis, ${columns.join(', ')} FROM ${from}`;
  const befores = earlier ? nothing('before') : [];
  const rows = [
    select(
      1,
      [...nothing('figure'), ...befores],
      `(${buckets}) AS axis${series ? ` CROSS JOIN (${series}) AS series` : ''}`,
    ),
    select(0, [...names('figure'), ...befores], `(${current})`),
    ...(earlier
      ? [
          select(
            0,
            [...nothing('figure'), ...names('figure').map((name, i) => `earlier.${name} AS before_${i}`)],
            `(${earlier}) AS earlier`,
          ),
        ]
      : []),
  ];
  const figure = (prefix: string) =>
    measures.map(({ ofNothing }, i) => `ifNull(max(${prefix}_${i}), ${ofNothing}) AS ${prefix}_of_${i}`);
  const selected = [...figure('figure'), ...(earlier ? figure('before') : [])];
  return `SELECT bucket AS time${value}, ${selected.join(', ')}
FROM
(
${rows.join('\nUNION ALL\n')}
)
GROUP BY bucket${value}
HAVING max(is_axis) = 1
ORDER BY bucket${series ? ', value NULLS LAST' : ''}`;
}
