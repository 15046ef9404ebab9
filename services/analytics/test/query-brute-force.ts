import {
  JsonNumber,
  type QueryEvent,
  readField,
  type Scope,
  selected,
  textOf,
  timeOf,
} from './event-model.ts';
import { bucketStart, bucketsOf, type IntervalName } from './local-time.ts';

/** A figure, as the protobuf JSON of `millrace.query.v1.Measure`. */
export interface MeasureJson {
  aggregation?: `AGGREGATION_${'COUNT' | 'UNIQUE' | 'SUM' | 'AVG' | 'MIN' | 'MAX' | 'QUANTILE'}`;
  field?: string;
  level?: number;
  name?: string;
}

/** A figure of some events. */
export function measured(events: readonly QueryEvent[], measure: MeasureJson): number | null {
  const { aggregation = 'AGGREGATION_COUNT', field = '', level = 0 } = measure;
  if (aggregation === 'AGGREGATION_COUNT') return events.length;
  if (aggregation === 'AGGREGATION_UNIQUE') {
    return new Set(events.map((event) => textOf(event, field)).filter((text) => text !== null)).size;
  }
  const numbers = events.flatMap((event) => {
    const value = readField(event, field);
    return value instanceof JsonNumber ? [value.value] : [];
  });
  return numbers.length === 0 ? null : numericFigure(numbers, aggregation, level);
}

function numericFigure(numbers: number[], aggregation: string, level: number): number {
  const sorted = numbers.sort((a, b) => a - b);
  const sum = sorted.reduce((total, number) => total + number, 0);
  if (aggregation === 'AGGREGATION_SUM') return sum;
  if (aggregation === 'AGGREGATION_AVG') return sum / sorted.length;
  const at = (i: number) => sorted[i] ?? Number.NaN;
  if (aggregation === 'AGGREGATION_MIN') return at(0);
  if (aggregation === 'AGGREGATION_MAX') return at(sorted.length - 1);
  return quantile(sorted, level);
}

/** Of sorted numbers; between two it is interpolated. */
export function quantile(sorted: readonly number[], level: number): number {
  const place = level * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

/** Texts in the order of their bytes, what is missing last. */
export function compareTexts(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Groups in descending order of a figure, none last, equal ones by their texts. */
export function ranked<T extends { figure: number | null; texts: readonly (string | null)[] }>(
  groups: T[],
): T[] {
  return groups.sort((a, b) => {
    if (a.figure === null || b.figure === null) {
      if (a.figure !== b.figure) return Number(a.figure === null) - Number(b.figure === null);
    } else if (a.figure !== b.figure) return b.figure - a.figure;
    for (const [i, text] of a.texts.entries()) {
      const order = compareTexts(text, b.texts[i] ?? null);
      if (order !== 0) return order;
    }
    return 0;
  });
}

/** What a question's own part holds, as the protobuf JSON of `TimeSeries` and `Breakdown`. */
export interface FiguresQuestion {
  interval?: IntervalName;
  measures?: MeasureJson[];
  breakdown?: string;
  top?: number;
  compare?: boolean;
  fields?: string[];
  limit?: number;
}

type Cell = string | number | null;

/** The rows of a time series. */
export function bruteForceTimeSeries(
  events: readonly QueryEvent[],
  scope: Scope,
  question: FiguresQuestion,
): Cell[][] {
  const { interval = 'HOUR', measures = [{}], breakdown, top, compare } = question;
  const { window } = scope;
  const lengthMs = window.toMs - window.fromMs;
  const seen = selected(events, scope);
  const before = selected(events, {
    ...scope,
    window: { ...window, fromMs: window.fromMs - lengthMs, toMs: window.fromMs },
  });
  const bucketOf = (ms: number) => bucketStart(ms, interval, window.zone, window.isSundayFirst);
  const values = breakdown === undefined ? [undefined] : topValues(seen, breakdown, top || 10);
  const now = Map.groupBy(seen, (event) => bucketOf(timeOf(event, window)));
  const then = Map.groupBy(before, (event) => bucketOf(timeOf(event, window) + lengthMs));
  return bucketsOf(window, interval, window.zone, window.isSundayFirst).flatMap((start) =>
    [...values]
      .sort((a, b) => compareTexts(a ?? null, b ?? null))
      .map((value) => {
        const figures = (some: readonly QueryEvent[] = []) => {
          const group = some.filter(
            (event) => value === undefined || textOf(event, breakdown ?? '') === value,
          );
          return measures.map((measure) => measured(group, measure));
        };
        const label = value === undefined ? [] : [value];
        const earlier = compare ? figures(then.get(start)) : [];
        return [new Date(start).toISOString(), ...label, ...figures(now.get(start)), ...earlier];
      }),
  );
}

function topValues(events: readonly QueryEvent[], field: string, top: number): (string | null)[] {
  const groups = [...Map.groupBy(events, (event) => textOf(event, field))];
  return ranked(groups.map(([value, some]) => ({ figure: some.length, texts: [value], value })))
    .slice(0, top)
    .map(({ value }) => value);
}

/** The rows of a breakdown. */
export function bruteForceBreakdown(
  events: readonly QueryEvent[],
  scope: Scope,
  question: FiguresQuestion,
): Cell[][] {
  const { fields = [], measures = [{}], limit } = question;
  const textsOf = (event: QueryEvent) => fields.map((field) => textOf(event, field));
  const groups = [...Map.groupBy(selected(events, scope), (event) => JSON.stringify(textsOf(event)))].map(
    ([key, some]) => {
      const figures = measures.map((measure) => measured(some, measure));
      const texts: (string | null)[] = JSON.parse(key);
      return { texts, figures, figure: figures[0] ?? null };
    },
  );
  const kind = measures[0]?.aggregation ?? 'AGGREGATION_COUNT';
  const hasShare = kind === 'AGGREGATION_COUNT' || kind === 'AGGREGATION_SUM';
  const present = groups.flatMap(({ figure }) => (figure === null ? [] : [figure]));
  const total = present.reduce((sum, figure) => sum + figure, 0);
  return ranked(groups)
    .slice(0, limit || 10)
    .map(({ texts, figures, figure }) => [
      ...texts,
      ...figures,
      ...(hasShare ? [figure === null || total === 0 ? null : figure / total] : []),
    ]);
}
