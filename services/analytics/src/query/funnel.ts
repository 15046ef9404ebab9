import { ColumnType, type Funnel, StepOrder } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { parseField, textExpression } from './fields.ts';
import { filterCondition } from './filter.ts';
import { measureColumn } from './measures.ts';
import { type Statement, StatementDraft } from './statement.ts';
import { actorOf, durationMs, stepCondition, stepName } from './steps.ts';
import { type QuestionScope, windowCondition } from './window.ts';

const DAY_MS = 86_400_000;
const MIN_STEPS = 2;
const MAX_STEPS = 10;
const MAX_VALUES = 10;

/**
 * How many actors get from step to step. Throws MillraceError `invalid_argument` naming the field.
 *
 * An actor's events are folded in the order of time, those of one moment in the order of their steps. What is kept is for each step the
 * way that reaches it and began last: no other can get further within the conversion window. All ways go on at once by an event, so
 * that one event is never two steps of a way. The first way that reaches the furthest step counts.
 */
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
  // NULL can't be told from a missing first step once it is in an array.
  const value = field ? `ifNull(concat('=', ${textExpression(field, draft)}), '')` : "''";
  const condition = filterCondition(filter, 'filter', draft);
  const where = windowCondition(workspaceId, window, draft);
  const mask = conditions.map((one, i) => `bitShiftLeft(toUInt16(${one}), ${i})`).join(' + ');
  const count = draft.bind(steps.length, 'UInt32');
  const limit = draft.bind(steps.length * (field ? MAX_VALUES : 1), 'UInt32');

  // Whoever lacks the first step or the second gets no further than the first, and is spared the fold.
  const isBit = (k: string) => `bitTest(mask, ${k} - 1)`;
  const inTime = `(k = 1 OR (notEmpty(ways[k - 1]) AND t - ways[k - 1][1] <= ${windowMs}))`;
  const next = `arrayMap(k -> if(${isBit('k')} AND ${inTime}, if(k = 1, [t], arrayPushBack(ways[k - 1], t)), ${isStrict ? 'emptyArrayInt64()' : 'ways[k]'}), range(1, ${count} + 1))`;
  const fold = next.replaceAll('ways', 'kept.1');
  const furthest = `arrayLast(way -> notEmpty(way), ${fold})`;
  const way = `if(bitAnd(every, 3) = 3,
      arrayFold((kept, t, mask) -> (${fold}, if(length(${furthest}) > length(kept.2), ${furthest}, kept.2)), times, masks,
        (arrayWithConstant(${count}, emptyArrayInt64()), emptyArrayInt64())).2,
      if(bitTest(every, 0), [arrayFirst((t, mask) -> bitTest(mask, 0), times, masks)], emptyArrayInt64()))`;
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
            SELECT way, arrayFirst((one, t, mask) -> t = way[1] AND bitTest(mask, 0), values, times, masks) AS value
            FROM
            (
                SELECT every, values, times, masks, ${way} AS way
                FROM
                (
                    SELECT groupBitOr(mask) AS every, arraySort(groupArray((t, mask, value))) AS events,
                        events.1 AS times, events.2 AS masks, events.3 AS values
                    FROM
                    (
                        ${draft.withPaths()}SELECT ${actor.column} AS actor, toUnixTimestamp64Milli(${window.column}) AS t, toUInt16(${mask}) AS mask, ${value} AS value
                        FROM events
                        WHERE ${where}
                          AND ${actor.isKnown}
                          AND ${condition}
                          ${isStrict ? '' : `AND (${conditions.join(' OR ')})`}
                    )
                    GROUP BY actor
                )
            )
            WHERE notEmpty(way)${field ? '' : "\n            UNION ALL SELECT emptyArrayInt64() AS way, '' AS value"}
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
