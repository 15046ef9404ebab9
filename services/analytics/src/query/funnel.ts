import { ColumnType, type Funnel, StepOrder } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { parseField } from '@millrace/wire';
import { textExpression } from './fields.ts';
import { filterCondition } from './filter.ts';
import { furthestWays, packed } from './funnel-ways.ts';
import { measureColumn } from './measures.ts';
import { type Statement, StatementDraft } from './statement.ts';
import { actorOf, durationMs, stepCondition, stepName } from './steps.ts';
import { type QuestionScope, windowCondition } from './window.ts';

const DAY_MS = 86_400_000;
const MIN_STEPS = 2;
const MAX_STEPS = 10;
const MAX_VALUES = 10;

/** How many actors get from step to step. Throws MillraceError `invalid_argument` naming the field. */
export function funnelStatement(
  question: Funnel,
  { workspaceId, window, filter, properties }: QuestionScope,
): Statement {
  const { steps } = question;
  if (steps.length < MIN_STEPS || steps.length > MAX_STEPS) {
    throw fieldError('funnel.steps', `${MIN_STEPS} to ${MAX_STEPS} steps`);
  }
  const draft = new StatementDraft(properties);
  const actor = actorOf(question.by, 'userId', 'funnel.by');
  const isStrict = question.order === StepOrder.STRICT;
  const windowMs = draft.bind(
    durationMs(question.conversionWindow, {
      fallbackMs: 7 * DAY_MS,
      mostMs: 90 * DAY_MS,
      place: 'funnel.conversion_window',
    }),
    'Int64',
  );
  const conditions = steps.map((step, i) => stepCondition(step, `funnel.steps[${i}]`, draft));
  const names = draft.bind(
    steps.map((step, i) => stepName(step, i, `funnel.steps[${i}]`)),
    'Array(String)',
  );
  const field = question.breakdown === '' ? undefined : parseField(question.breakdown, 'funnel.breakdown');
  // NULL has no place among values that are compared.
  const value = field && `ifNull(concat('=', ${textExpression(field, draft)}), '')`;
  const condition = filterCondition(filter, 'filter', draft);
  const where = windowCondition(workspaceId, window, draft);
  const mask = conditions.map((one, i) => `bitShiftLeft(toInt64(${one}), ${i})`).join(' + ');
  const count = draft.bind(steps.length, 'UInt32');
  const limit = draft.bind(steps.length * (field ? MAX_VALUES : 1), 'UInt32');
  const isOfAStep = isStrict ? '1' : `(${conditions.join(' OR ')})`;
  const types = steps.map((step) => step.type);
  // What the projection by type is found by.
  const isOfAType =
    isStrict || types.includes('')
      ? '1'
      : `event_type IN ${draft.bind([...new Set(types)], 'Array(String)')}`;
  const events = `${draft.withPaths()}SELECT ${actor.column} AS actor, ${packed(`toUnixTimestamp64Milli(${window.column})`, mask)} AS event${value ? `, ${value} AS value` : ''}
FROM events
WHERE ${where}
  AND ${actor.isKnown}
  AND ${isOfAType}
  AND ${condition}
  AND ${isOfAStep}`;
  const ways = furthestWays({
    events,
    steps: steps.length,
    isStrict,
    windowMs,
    isDivided: value !== undefined,
  });
  const sql = `SELECT ${field ? "if(value = '', NULL, substring(value, 2)) AS shown, " : ''}step, ${names}[step] AS name, actors,
    if(first = 0, NULL, actors / first) AS conversion,
    if(step = 1, NULL, if(before = 0, NULL, actors / before)) AS from_previous, median, average
FROM
(
    SELECT value, step, actors, median, average,
        max(if(step = 1, actors, 0)) OVER (PARTITION BY value) AS first,
        any(actors) OVER (PARTITION BY value ORDER BY step ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) AS before
    FROM
    (
        SELECT value, step, countIf(length(way) >= step) AS actors,
            quantileExactInclusiveOrNullIf(0.5)((way[step] - way[step - 1]) / 1000, step > 1 AND length(way) >= step) AS median,
            avgOrNullIf((way[step] - way[step - 1]) / 1000, step > 1 AND length(way) >= step) AS average
        FROM
        (
${ways}${field ? '' : "\nUNION ALL SELECT emptyArrayInt64() AS way, '' AS value"}
        )
        ARRAY JOIN range(1, ${count} + 1) AS step
        GROUP BY value, step
    )
)
ORDER BY first DESC, value, step
LIMIT ${limit}`;
  return draft.finish(
    sql,
    [
      ...(field ? [{ name: field.name, type: ColumnType.TEXT }] : []),
      measureColumn('step'),
      { name: 'name', type: ColumnType.TEXT },
      ...['count', 'conversion', 'fromPrevious', 'medianSeconds', 'averageSeconds'].map(measureColumn),
    ],
    { scopes: [where] },
  );
}
