import type { Value } from '@bufbuild/protobuf/wkt';
import type { Comparison, Filter, Range } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError, parseRfc3339, RFC3339_EXPECTED } from '@millrace/runtime';
import { type Field, parseField } from './field.ts';

/** A filter that has been checked: what it means, without its words. */
export type Condition =
  /** Of none, `all` holds and `any` doesn't. */
  | { readonly kind: 'all' | 'any'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'exists'; readonly field: Field }
  | OneOf
  | {
      readonly kind: 'contains' | 'startsWith';
      readonly field: Exclude<Field, { kind: 'number' | 'time' }>;
      readonly text: string;
    }
  | {
      readonly kind: 'range';
      readonly field: Exclude<Field, { kind: 'text' | 'list' }>;
      /** All of them hold; times are in milliseconds since 1970. */
      readonly bounds: readonly { readonly operator: Operator; readonly value: number }[];
    };

/** The field is one of these, each of which only equals what is of its own kind; one of a list's elements for a list. */
export interface OneOf {
  readonly kind: 'oneOf';
  readonly field: Field;
  readonly texts: readonly string[];
  /** Times are in milliseconds since 1970. */
  readonly numbers: readonly number[];
  readonly flags: readonly boolean[];
}

/** How a bound is held against a value. */
export type Operator = '>' | '>=' | '<' | '<=';

const MAX_DEPTH = 8;
const MAX_COMPARISONS = 100;
const MAX_VALUES = 1_000;
const MAX_TEXT_CHARS = 4_096;

/**
 * Reads a filter; `place` is where it stands in the question. Throws MillraceError `invalid_argument` that names the place, for example
 * `filter.all.filters[2].comparison.field`.
 */
export function readFilter(filter: Filter, place: string): Condition {
  let comparisons = 0;
  const read = (part: Filter, at: string, depth: number): Condition => {
    if (depth > MAX_DEPTH) throw fieldError(at, `filters nest at most ${MAX_DEPTH} deep`);
    const { condition } = part;
    switch (condition.case) {
      case 'all':
      case 'any': {
        const kind = condition.case;
        const conditions = condition.value.filters.map((one, i) =>
          read(one, `${at}.${kind}.filters[${i}]`, depth + 1),
        );
        return { kind, conditions };
      }
      case 'not':
        return { kind: 'not', condition: read(condition.value, `${at}.not`, depth + 1) };
      case 'comparison':
        if (++comparisons > MAX_COMPARISONS) throw fieldError(at, `at most ${MAX_COMPARISONS} comparisons`);
        return readComparison(condition.value, `${at}.comparison`);
      default:
        throw fieldError(at, 'needs one of comparison, all, any and not');
    }
  };
  return read(filter, place, 1);
}

function readComparison(comparison: Comparison, place: string): Condition {
  const field = parseField(comparison.field, `${place}.field`);
  const { test } = comparison;
  switch (test.case) {
    case 'equals':
      return oneOf(field, [scalarOf(test.value, `${place}.equals`)], () => `${place}.equals`);
    case 'in': {
      const { values } = test.value;
      if (values.length > MAX_VALUES) throw fieldError(`${place}.in`, `at most ${MAX_VALUES} values`);
      const scalars = values.map((value, i) => scalarOf(value, `${place}.in[${i}]`));
      return oneOf(field, scalars, (i) => `${place}.in[${i}]`);
    }
    case 'contains':
      return textCondition(test.case, field, test.value, `${place}.contains`);
    case 'startsWith':
      return textCondition(test.case, field, test.value, `${place}.starts_with`);
    case 'exists': {
      const exists: Condition = { kind: 'exists', field };
      return test.value ? exists : { kind: 'not', condition: exists };
    }
    case 'range':
      return rangeCondition(field, test.value, `${place}.range`);
    default:
      throw fieldError(place, 'needs one of equals, in, contains, starts_with, exists and range');
  }
}

type Scalar = string | number | boolean;

function scalarOf(value: Value, place: string): Scalar {
  const { kind } = value;
  switch (kind.case) {
    case 'stringValue':
      return boundedText(kind.value, place);
    case 'numberValue':
      if (!Number.isFinite(kind.value)) throw fieldError(place, 'must be finite');
      // -0 becomes 0, as in the events.
      return kind.value + 0;
    case 'boolValue':
      return kind.value;
    default:
      throw fieldError(place, 'must be text, a number, true or false');
  }
}

function boundedText(text: string, place: string): string {
  if (text.length > MAX_TEXT_CHARS) throw fieldError(place, `at most ${MAX_TEXT_CHARS} characters`);
  if (text.includes('\0') || !text.isWellFormed())
    throw fieldError(place, 'must not contain NUL or half a surrogate pair');
  return text;
}

function oneOf(field: Field, values: readonly Scalar[], placeOf: (i: number) => string): OneOf {
  if (field.kind !== 'path') requireKind(field, values, placeOf);
  const texts = values.filter((value) => typeof value === 'string');
  const some = { kind: 'oneOf', field, texts: [], numbers: [], flags: [] } as const;
  switch (field.kind) {
    case 'text':
      // An empty one is a field that is missing.
      return { ...some, texts: texts.filter((text) => text !== '') };
    case 'list':
      return { ...some, texts };
    case 'time':
      return { ...some, numbers: texts.map((text, i) => timeOf(text, placeOf(i))) };
    case 'number':
    case 'path': {
      const numbers = values.filter((value) => typeof value === 'number');
      return { ...some, texts, numbers, flags: values.filter((value) => typeof value === 'boolean') };
    }
  }
}

function requireKind(
  field: Exclude<Field, { kind: 'path' }>,
  values: readonly Scalar[],
  placeOf: (i: number) => string,
): void {
  const expected = field.kind === 'number' ? 'number' : 'string';
  const other = values.findIndex((value) => typeof value !== expected);
  if (other === -1) return;
  throw fieldError(
    placeOf(other),
    `${field.name} is compared with ${expected === 'number' ? 'a number' : 'text'}`,
  );
}

function timeOf(text: string, place: string): number {
  const ms = parseRfc3339(text);
  if (ms === undefined) throw fieldError(place, RFC3339_EXPECTED);
  return ms;
}

function textCondition(
  kind: 'contains' | 'startsWith',
  field: Field,
  value: string,
  place: string,
): Condition {
  const text = boundedText(value, place);
  if (field.kind === 'number' || field.kind === 'time') throw fieldError(place, `${field.name} is no text`);
  return { kind, field, text };
}

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function rangeCondition(field: Field, range: Range, place: string): Condition {
  const given = Object.entries(OPERATORS).flatMap(([name, operator]) => {
    const value = range[name as keyof typeof OPERATORS];
    const at = `${place}.${name}`;
    return value === undefined ? [] : [{ operator, at, value: scalarOf(value, at) }];
  });
  const [first] = given;
  if (first === undefined) throw fieldError(place, 'needs one of gt, gte, lt and lte');
  if (field.kind === 'text' || field.kind === 'list') {
    const isNumber = typeof first.value === 'number';
    throw fieldError(first.at, `${field.name} ${isNumber ? 'is compared with text' : 'has no order'}`);
  }
  const bounds = given.map(({ operator, at, value }) => {
    if (field.kind === 'time') {
      if (typeof value !== 'string') throw fieldError(at, RFC3339_EXPECTED);
      return { operator, value: timeOf(value, at) };
    }
    if (typeof value !== 'number') throw fieldError(at, 'must be a number');
    return { operator, value };
  });
  return { kind: 'range', field, bounds };
}
