import { z } from 'zod';
import { boundedText, timestamp, wholeNumber } from '../../request/json-types.ts';

/** `90s`, `15m`, `24h`, `7d` or `4w`, read as seconds. */
const length = z
  .string()
  .regex(/^[1-9]\d{0,5}[smhdw]$/, 'must be a number with s, m, h, d or w behind it, such as 24h')
  .transform((text) => Number(text.slice(0, -1)) * (UNIT_SECONDS[text.slice(-1)] ?? 1));

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

const MAX_FIELD_CHARS = 512;
const MAX_TEXT_CHARS = 4_096;
const fieldName = boundedText(1, MAX_FIELD_CHARS);
const name = boundedText(1, 64);
const eventType = boundedText(1, 255);
const scalar = z.union([boundedText(0, MAX_TEXT_CHARS), z.number(), z.boolean()], {
  error: 'must be text, a number, true or false',
});
const bound = z.union([boundedText(1, MAX_TEXT_CHARS), z.number()], { error: 'must be a number or a time' });

/** Which time is looked at. */
export const windowSchema = z
  .strictObject({
    from: timestamp().describe('at or after').optional(),
    to: timestamp().describe('before; now when absent').optional(),
    last: length.describe('instead of `from`: `90s`, `15m`, `24h`, `7d`, `4w`').optional(),
    by: z
      .enum(['arrival', 'occurrence'])
      .default('arrival')
      .describe('by which of its times an event is placed'),
    timeZone: boundedText(1, 64).default('UTC').describe('IANA name, for days, weeks and months'),
    weekStart: z.enum(['monday', 'sunday']).default('monday'),
  })
  .meta({ id: 'QueryWindow' });

/** A condition on events, as JSON has it. */
export interface FilterJson {
  readonly and?: readonly FilterJson[] | undefined;
  readonly or?: readonly FilterJson[] | undefined;
  readonly not?: FilterJson | undefined;
  readonly field?: string | undefined;
  readonly eq?: string | number | boolean | undefined;
  readonly in?: readonly (string | number | boolean)[] | undefined;
  readonly contains?: string | undefined;
  readonly startsWith?: string | undefined;
  readonly exists?: boolean | undefined;
  readonly gt?: string | number | undefined;
  readonly gte?: string | number | undefined;
  readonly lt?: string | number | undefined;
  readonly lte?: string | number | undefined;
}

const TESTS = ['eq', 'in', 'contains', 'startsWith', 'exists'] as const;
const BOUNDS = ['gt', 'gte', 'lt', 'lte'] as const;
const MAX_PARTS = 100;

/** `{"field":"payload.plan","eq":"gold"}`, or `and`, `or` and `not` of such. */
export const filterSchema: z.ZodType<FilterJson> = z
  .strictObject({
    get and() {
      return z.array(filterSchema).max(MAX_PARTS).optional();
    },
    get or() {
      return z.array(filterSchema).max(MAX_PARTS).optional();
    },
    get not() {
      return filterSchema.optional();
    },
    field: fieldName.optional(),
    eq: scalar.optional(),
    in: z.array(scalar).max(1_000).optional(),
    contains: boundedText(0, MAX_TEXT_CHARS).optional(),
    startsWith: boundedText(0, MAX_TEXT_CHARS).optional(),
    exists: z.boolean().optional(),
    gt: bound.optional(),
    gte: bound.optional(),
    lt: bound.optional(),
    lte: bound.optional(),
  })
  .check(({ value, issues }) => {
    const parts = (['and', 'or', 'not', 'field'] as const).filter((key) => value[key] !== undefined);
    const tests = TESTS.filter((key) => value[key] !== undefined);
    const bounds = BOUNDS.filter((key) => value[key] !== undefined);
    const testCount = tests.length + (bounds.length > 0 ? 1 : 0);
    const problem =
      parts.length !== 1
        ? 'needs one of field, and, or, not'
        : testCount !== (parts[0] === 'field' ? 1 : 0)
          ? 'a field needs one of eq, in, contains, startsWith, exists, or bounds of gt, gte, lt, lte; nothing else takes one'
          : undefined;
    if (problem) issues.push({ code: 'custom', message: problem, input: value });
  })
  .meta({ id: 'QueryFilter' });

const AGGREGATIONS = ['count', 'unique', 'sum', 'avg', 'min', 'max', 'quantile'] as const;
const measure = z
  .strictObject({
    aggregation: z.enum(AGGREGATIONS),
    field: fieldName.optional().describe('of which field; none for `count`'),
    level: z.number().min(0).max(1).optional().describe('for a quantile'),
    name: name.optional().describe('what the column is called'),
  })
  .meta({ id: 'QueryMeasure' });
const measures = z.array(measure).min(1).max(10).optional().describe('the count when absent');
const INTERVALS = ['minute', 'five_minutes', 'quarter_hour', 'hour', 'day', 'week', 'month'] as const;
const step = z
  .strictObject({
    type: eventType.optional().describe('event type; any when absent'),
    filter: filterSchema.optional(),
    name: name.optional(),
  })
  .meta({ id: 'QueryStep' });
const by = z.enum(['userId', 'sessionId']);

const timeSeries = z
  .strictObject({
    interval: z.enum(INTERVALS).default('hour'),
    measures,
    breakdown: fieldName.optional().describe('a series for each of its most frequent values'),
    top: wholeNumber(1, 50).optional().describe('how many of them; 10 when absent'),
    compare: z.boolean().default(false).describe('with the window of the same length just before'),
  })
  .meta({ id: 'QueryTimeSeries' });
const breakdown = z
  .strictObject({
    fields: z.array(fieldName).min(1).max(3),
    measures,
    limit: wholeNumber(1, 1_000).optional().describe('rows; 10 when absent'),
  })
  .meta({ id: 'QueryBreakdown' });
const funnel = z
  .strictObject({
    steps: z.array(step).min(2).max(10),
    within: length.optional().describe('from the first step to the last; `7d` when absent, at most `90d`'),
    order: z.enum(['loose', 'strict']).default('loose'),
    by: by.default('userId'),
    breakdown: fieldName.optional().describe('a field of the first step’s event'),
  })
  .meta({ id: 'QueryFunnel' });
const retention = z
  .strictObject({
    start: step.optional(),
    return: step.optional(),
    period: z.enum(['day', 'week', 'month']).default('week'),
    kind: z.enum(['first_time', 'returning']).default('first_time'),
    by: by.default('userId'),
  })
  .meta({ id: 'QueryRetention' });
const paths = z
  .strictObject({
    length: wholeNumber(2, 10).optional().describe('events of a path; 3 when absent'),
    startType: eventType.optional(),
    pause: length.optional().describe('a longer one ends a path; `30m` when absent'),
    by: by.default('sessionId'),
    mergeRepeats: z.boolean().default(false),
    limit: wholeNumber(1, 1_000).optional().describe('rows; 10 when absent'),
  })
  .meta({ id: 'QueryPaths' });

const QUESTIONS = ['timeSeries', 'breakdown', 'funnel', 'retention', 'paths'] as const;

/** Body of `POST /v1/query`: a window, a filter, and one question. */
export const queryBody = z
  .strictObject({
    window: windowSchema.optional().describe('the last 7 days when absent'),
    filter: filterSchema.optional(),
    timeSeries: timeSeries.optional(),
    breakdown: breakdown.optional(),
    funnel: funnel.optional(),
    retention: retention.optional(),
    paths: paths.optional(),
  })
  .check(({ value, issues }) => {
    if (QUESTIONS.filter((question) => value[question] !== undefined).length === 1) return;
    issues.push({ code: 'custom', message: `needs one of ${QUESTIONS.join(', ')}`, input: value });
  })
  .meta({
    id: 'Query',
    examples: [
      {
        window: { last: '7d', timeZone: 'Europe/Berlin' },
        filter: { field: 'payload.plan', eq: 'gold' },
        timeSeries: {
          interval: 'day',
          breakdown: 'type',
          measures: [{ aggregation: 'unique', field: 'userId' }],
        },
      },
      { funnel: { steps: [{ type: 'signup' }, { type: 'purchase' }], within: '1d' } },
    ],
  });

/** What `queryBody` yields. */
export type QueryBody = z.output<typeof queryBody>;
