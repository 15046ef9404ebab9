/** A stored event, as questions look at it. */
export interface QueryEvent {
  readonly workspaceId: string;
  readonly id: string;
  readonly type: string;
  readonly dialect: string;
  readonly source: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly traceId: string;
  readonly priority: number;
  readonly labels: readonly string[];
  readonly occurredMs: number;
  readonly receivedMs: number;
  /** JSON as it was sent. */
  readonly payload: string;
  readonly metadata: string;
  /** Its place among those that are stored. */
  readonly position: number;
}

/** A filter, as the protobuf JSON of `millrace.query.v1.Filter`. */
export type FilterJson =
  | { comparison: ComparisonJson }
  | { all: { filters: FilterJson[] } }
  | { any: { filters: FilterJson[] } }
  | { not: FilterJson };

type Scalar = string | number | boolean;

/** One comparison of a filter. */
export interface ComparisonJson {
  field: string;
  equals?: Scalar;
  in?: Scalar[];
  contains?: string;
  startsWith?: string;
  exists?: boolean;
  range?: Partial<Record<'gt' | 'gte' | 'lt' | 'lte', Scalar>>;
}

/** A window that has been read. */
export interface WindowOfRows {
  readonly fromMs: number;
  readonly toMs: number;
  readonly isByOccurrence: boolean;
  readonly zone: string;
  readonly isSundayFirst: boolean;
}

/** A number, with its digits where a double would lose some. */
export class JsonNumber {
  readonly value: number;
  readonly text: string;
  constructor(source: string) {
    this.value = Number(source);
    const isWhole = /^-?\d+$/.test(source);
    const isExact = isWhole && BigInt(source) >= -(2n ** 63n) && BigInt(source) < 2n ** 64n;
    this.text = isExact ? String(BigInt(source)) : String(this.value).replace('e+', 'e');
  }
}

type JsonValue = string | boolean | null | JsonNumber | JsonValue[] | { [name: string]: JsonValue };

function parse(json: string): JsonValue {
  const reviver = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? new JsonNumber(context?.source ?? '') : value;
  return JSON.parse(json, reviver);
}

const parsed = new WeakMap<QueryEvent, Record<'payload' | 'metadata', JsonValue>>();

/** The value of a field; undefined where there is none. */
export function readField(event: QueryEvent, field: string): Exclude<JsonValue, null> | undefined {
  const [root = ''] = /^\w+/.exec(field) ?? [];
  if (root === 'payload' || root === 'metadata') {
    const documents = parsed.get(event) ?? { payload: parse(event.payload), metadata: parse(event.metadata) };
    parsed.set(event, documents);
    let value: JsonValue | undefined = documents[root];
    for (const [, plain, index, quoted] of field.matchAll(
      /\.([^.[\]"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g,
    )) {
      if (typeof value !== 'object' || value === null || value instanceof JsonNumber) return undefined;
      if (index !== undefined) value = Array.isArray(value) ? value[Number(index)] : undefined;
      else {
        const key: string = plain ?? JSON.parse(quoted ?? '');
        value = !Array.isArray(value) && Object.hasOwn(value, key) ? value[key] : undefined;
      }
    }
    return value ?? undefined;
  }
  if (field === 'priority') return new JsonNumber(String(event.priority));
  if (field === 'labels') return event.labels.length === 0 ? undefined : [...event.labels];
  if (field === 'occurredAt') return new Date(event.occurredMs).toISOString();
  if (field === 'receivedAt') return new Date(event.receivedMs).toISOString();
  const text = event[field as 'id' | 'type' | 'dialect' | 'source' | 'userId' | 'sessionId' | 'traceId'];
  return text === '' ? undefined : text;
}

/** The field as text, for grouping; null where there is none. */
export function textOf(event: QueryEvent, field: string): string | null {
  const value = readField(event, field);
  if (value === undefined) return null;
  if (field === 'labels') return event.labels.join(',');
  if (typeof value === 'string') return value;
  return write(value);
}

/** Objects and lists are no values: all of a kind are one. */
function write(value: JsonValue): string {
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return '[]';
  return typeof value === 'object' && value !== null ? '{}' : JSON.stringify(value);
}

/** Whether an event meets a filter. */
export function meets(event: QueryEvent, filter: FilterJson | undefined): boolean {
  if (filter === undefined) return true;
  if ('all' in filter) return filter.all.filters.every((inner) => meets(event, inner));
  if ('any' in filter) return filter.any.filters.some((inner) => meets(event, inner));
  if ('not' in filter) return !meets(event, filter.not);
  const { field, ...test } = filter.comparison;
  const value = readField(event, field);
  if (test.exists !== undefined) return (value !== undefined) === test.exists;
  if (value === undefined) return false;
  const isTime = field === 'occurredAt' || field === 'receivedAt';
  const values = field === 'labels' ? event.labels : [value instanceof JsonNumber ? value.value : value];
  const isSame = (wanted: Scalar) =>
    values.some((one) => (isTime ? Date.parse(String(one)) === Date.parse(String(wanted)) : one === wanted));
  if (test.equals !== undefined) return isSame(test.equals);
  if (test.in !== undefined) return test.in.some(isSame);
  const isText = (check: (text: string) => boolean) =>
    values.some((one) => typeof one === 'string' && check(one));
  if (test.contains !== undefined) return isText((text) => text.includes(test.contains ?? ''));
  if (test.startsWith !== undefined) return isText((text) => text.startsWith(test.startsWith ?? ''));
  const ordered = isTime ? Date.parse(String(value)) : value instanceof JsonNumber ? value.value : undefined;
  if (ordered === undefined) return false;
  const { gt, gte, lt, lte } = test.range ?? {};
  const bound = (limit: Scalar) => (isTime ? Date.parse(String(limit)) : Number(limit));
  return (
    (gt === undefined || ordered > bound(gt)) &&
    (gte === undefined || ordered >= bound(gte)) &&
    (lt === undefined || ordered < bound(lt)) &&
    (lte === undefined || ordered <= bound(lte))
  );
}

/** Which events a question is about. */
export interface Scope {
  readonly workspaceId: string;
  readonly window: WindowOfRows;
  readonly filter: FilterJson | undefined;
}

/** The events of a window that meet the filter. */
export function selected(events: readonly QueryEvent[], scope: Scope): QueryEvent[] {
  const { fromMs, toMs } = scope.window;
  return events.filter((event) => {
    const at = timeOf(event, scope.window);
    return event.workspaceId === scope.workspaceId && at >= fromMs && at < toMs && meets(event, scope.filter);
  });
}

/** The time by which a window places an event. */
export function timeOf(event: QueryEvent, { isByOccurrence }: Pick<WindowOfRows, 'isByOccurrence'>): number {
  return isByOccurrence ? event.occurredMs : event.receivedMs;
}
