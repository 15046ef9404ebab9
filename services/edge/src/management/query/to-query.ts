import type { MessageInitShape } from '@bufbuild/protobuf';
import { type DurationSchema, timestampFromMs, type ValueSchema } from '@bufbuild/protobuf/wkt';
import {
  Aggregation,
  type FilterSchema,
  Interval,
  type MeasureSchema,
  type QuerySchema,
  RetentionKind,
  StepOrder,
  type StepSchema,
  TimeBasis,
  Weekday,
  type WindowSchema,
} from '@millrace/contracts/millrace/query/v1/query';
import type { FilterJson, QueryBody } from './schema.ts';

type QueryInit = MessageInitShape<typeof QuerySchema>;
type Json<Name extends keyof QueryBody> = NonNullable<QueryBody[Name]>;

/** The contract's question for a body's. */
export function toQuery(body: QueryBody): QueryInit {
  const { window, filter } = body;
  return {
    ...(window && { window: toWindow(window) }),
    ...(filter && { filter: toFilter(filter) }),
    question: toQuestion(body),
  };
}

/** The contract's window. */
export function toWindow({
  from,
  to,
  last,
  by,
  timeZone,
  weekStart,
}: Json<'window'>): MessageInitShape<typeof WindowSchema> {
  return {
    ...(from !== undefined && { from: timestampFromMs(from) }),
    ...(to !== undefined && { to: timestampFromMs(to) }),
    ...(last !== undefined && { last: seconds(last) }),
    basis: by === 'occurrence' ? TimeBasis.OCCURRED : TimeBasis.RECEIVED,
    timeZone,
    weekStart: weekStart === 'sunday' ? Weekday.SUNDAY : Weekday.MONDAY,
  };
}

/** The contract's filter. */
export function toFilter(json: FilterJson): MessageInitShape<typeof FilterSchema> {
  if (json.and) return { condition: { case: 'all', value: { filters: json.and.map(toFilter) } } };
  if (json.or) return { condition: { case: 'any', value: { filters: json.or.map(toFilter) } } };
  if (json.not) return { condition: { case: 'not', value: toFilter(json.not) } };
  return { condition: { case: 'comparison', value: { field: json.field ?? '', test: toTest(json) } } };
}

type Test = NonNullable<
  MessageInitShape<typeof import('@millrace/contracts/millrace/query/v1/query').ComparisonSchema>['test']
>;

function toTest({ eq, contains, startsWith, exists, gt, gte, lt, lte, ...json }: FilterJson): Test {
  if (eq !== undefined) return { case: 'equals', value: toValue(eq) };
  if (json.in) return { case: 'in', value: { values: json.in.map(toValue) } };
  if (contains !== undefined) return { case: 'contains', value: contains };
  if (startsWith !== undefined) return { case: 'startsWith', value: startsWith };
  if (exists !== undefined) return { case: 'exists', value: exists };
  const bounds = Object.entries({ gt, gte, lt, lte }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, toValue(value)]],
  );
  return { case: 'range', value: Object.fromEntries(bounds) };
}

function toValue(value: string | number | boolean): MessageInitShape<typeof ValueSchema> {
  switch (typeof value) {
    case 'string':
      return { kind: { case: 'stringValue', value } };
    case 'number':
      return { kind: { case: 'numberValue', value } };
    default:
      return { kind: { case: 'boolValue', value } };
  }
}

const INTERVALS = {
  minute: Interval.MINUTE,
  five_minutes: Interval.FIVE_MINUTES,
  quarter_hour: Interval.QUARTER_HOUR,
  hour: Interval.HOUR,
  day: Interval.DAY,
  week: Interval.WEEK,
  month: Interval.MONTH,
} as const;
const AGGREGATIONS = {
  count: Aggregation.COUNT,
  unique: Aggregation.UNIQUE,
  sum: Aggregation.SUM,
  avg: Aggregation.AVG,
  min: Aggregation.MIN,
  max: Aggregation.MAX,
  quantile: Aggregation.QUANTILE,
} as const;

function toQuestion({
  timeSeries,
  breakdown,
  funnel,
  retention,
  paths,
}: QueryBody): NonNullable<QueryInit['question']> {
  if (timeSeries) {
    const { interval, measures, ...rest } = timeSeries;
    return {
      case: 'timeSeries',
      value: { ...defined(rest), interval: INTERVALS[interval], measures: (measures ?? []).map(toMeasure) },
    };
  }
  if (breakdown) {
    const { measures, ...rest } = breakdown;
    return { case: 'breakdown', value: { ...defined(rest), measures: (measures ?? []).map(toMeasure) } };
  }
  if (funnel) {
    const { steps, within, order, ...rest } = funnel;
    return {
      case: 'funnel',
      value: {
        ...defined(rest),
        steps: steps.map(toStep),
        ...(within !== undefined && { conversionWindow: seconds(within) }),
        order: order === 'strict' ? StepOrder.STRICT : StepOrder.LOOSE,
      },
    };
  }
  if (retention) {
    const { start, return: comeback, period, kind } = retention;
    return {
      case: 'retention',
      value: {
        ...(start && { start: toStep(start) }),
        ...(comeback && { return: toStep(comeback) }),
        period: INTERVALS[period],
        kind: kind === 'returning' ? RetentionKind.RETURNING : RetentionKind.FIRST_TIME,
        by: retention.by,
      },
    };
  }
  if (paths) {
    const { pause, ...rest } = paths;
    return {
      case: 'paths',
      value: { ...defined(rest), ...(pause !== undefined && { pause: seconds(pause) }) },
    };
  }
  return { case: undefined };
}

function toMeasure({
  aggregation,
  ...rest
}: NonNullable<Json<'breakdown'>['measures']>[number]): MessageInitShape<typeof MeasureSchema> {
  return { ...defined(rest), aggregation: AGGREGATIONS[aggregation] };
}

function toStep({ filter, ...rest }: Json<'funnel'>['steps'][number]): MessageInitShape<typeof StepSchema> {
  return { ...defined(rest), ...(filter && { filter: toFilter(filter) }) };
}

function seconds(count: number): MessageInitShape<typeof DurationSchema> {
  return { seconds: BigInt(count) };
}

type Defined<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };

/** Without the members that are undefined. */
function defined<T extends object>(value: T): Partial<Defined<T>> {
  // What is left has no undefined member.
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<
    Defined<T>
  >;
}
