import type { Value } from '@bufbuild/protobuf/wkt';
import type { Comparison, Filter, Range } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError, parseRfc3339, RFC3339_EXPECTED } from '@millrace/runtime';
import { existsExpression, type Field, numberExpression, parseField, valueExpression } from './fields.ts';
import type { StatementDraft } from './statement.ts';

const MAX_DEPTH = 8;
const MAX_COMPARISONS = 100;
const MAX_VALUES = 1_000;
const MAX_TEXT_CHARS = 4_096;

/**
 * A filter as a condition that is true or false, never NULL; '1' for none. Throws MillraceError `invalid_argument` that names the
 * place in the question, for example `filter.all.filters[2].field`.
 */
export function filterCondition(filter: Filter | undefined, place: string, draft: StatementDraft): string {
  if (filter === undefined) return '1';
  let comparisons = 0;
  const compile = (part: Filter, at: string, depth: number): string => {
    if (depth > MAX_DEPTH) throw fieldError(at, `filters nest at most ${MAX_DEPTH} deep`);
    const { condition } = part;
    switch (condition.case) {
      case 'all':
      case 'any': {
        const { filters } = condition.value;
        const inner = filters.map((one, i) =>
          compile(one, `${at}.${condition.case}.filters[${i}]`, depth + 1),
        );
        if (inner.length === 0) return condition.case === 'all' ? '1' : '0';
        return `(${inner.join(condition.case === 'all' ? ' AND ' : ' OR ')})`;
      }
      case 'not':
        return `NOT ${compile(condition.value, `${at}.not`, depth + 1)}`;
      case 'comparison':
        if (++comparisons > MAX_COMPARISONS) throw fieldError(at, `at most ${MAX_COMPARISONS} comparisons`);
        return comparisonCondition(condition.value, `${at}.comparison`, draft);
      default:
        throw fieldError(at, 'needs one of comparison, all, any and not');
    }
  };
  return compile(filter, place, 1);
}

function comparisonCondition(comparison: Comparison, place: string, draft: StatementDraft): string {
  const field = parseField(comparison.field, `${place}.field`);
  const { test } = comparison;
  switch (test.case) {
    case 'equals':
      return oneOf(field, [scalarOf(test.value, `${place}.equals`)], () => `${place}.equals`, draft);
    case 'in': {
      const { values } = test.value;
      if (values.length === 0) return '0';
      if (values.length > MAX_VALUES) throw fieldError(`${place}.in`, `at most ${MAX_VALUES} values`);
      const scalars = values.map((value, i) => scalarOf(value, `${place}.in[${i}]`));
      return oneOf(field, scalars, (i) => `${place}.in[${i}]`, draft);
    }
    case 'contains':
      return textCondition(
        field,
        test.value,
        `${place}.contains`,
        draft,
        (text, part) => `position(${text}, ${part}) > 0`,
      );
    case 'startsWith':
      return textCondition(
        field,
        test.value,
        `${place}.starts_with`,
        draft,
        (text, part) => `startsWith(${text}, ${part})`,
      );
    case 'exists': {
      const exists = existsExpression(field, draft);
      return test.value ? exists : `NOT ${exists}`;
    }
    case 'range':
      return rangeCondition(field, test.value, `${place}.range`, draft);
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
  if (text.includes('\0')) throw fieldError(place, 'must not contain NUL');
  return text;
}

/** Whether the field is one of the values, each of which only equals what is of its own kind. */
function oneOf(
  field: Field,
  values: readonly Scalar[],
  placeOf: (i: number) => string,
  draft: StatementDraft,
): string {
  const texts = values.filter((value) => typeof value === 'string');
  const numbers = values.filter((value) => typeof value === 'number');
  const flags = values.filter((value) => typeof value === 'boolean');
  if (field.kind !== 'path') requireKind(field, values, placeOf);
  switch (field.kind) {
    case 'text':
      // An empty column is a field that is missing.
      return `(${field.column} IN ${draft.bind(
        texts.filter((text) => text !== ''),
        'Array(String)',
      )})`;
    case 'list':
      return `hasAny(${field.column}, ${draft.bind(texts, 'Array(String)')})`;
    case 'number':
      return `(toFloat64(${field.column}) IN ${draft.bind(numbers, 'Array(Float64)')})`;
    case 'time':
      return `(toUnixTimestamp64Milli(${field.column}) IN ${draft.bind(
        texts.map((text, i) => timeOf(text, placeOf(i))),
        'Array(Int64)',
      )})`;
    case 'path': {
      const kept = [...texts.map((text) => `"${text}`), ...flags.map(String)];
      const cases = [
        ...(kept.length === 0
          ? []
          : [`${valueExpression(field, draft)} IN ${draft.bind(kept, 'Array(String)')}`]),
        ...(numbers.length === 0
          ? []
          : [`ifNull(${numberExpression(field, draft)} IN ${draft.bind(numbers, 'Array(Float64)')}, 0)`]),
      ];
      return `(${cases.join(' OR ')})`;
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
  field: Field,
  text: string,
  place: string,
  draft: StatementDraft,
  test: (text: string, part: string) => string,
): string {
  const part = draft.bind(boundedText(text, place), 'String');
  switch (field.kind) {
    case 'text':
      return `(${existsExpression(field, draft)} AND ${test(field.column, part)})`;
    case 'list':
      return `arrayExists(label -> ${test('label', part)}, ${field.column})`;
    case 'path': {
      const value = valueExpression(field, draft);
      return `(startsWith(${value}, '"') AND ${test(`substring(${value}, 2)`, part)})`;
    }
    default:
      throw fieldError(place, `${field.name} is no text`);
  }
}

const OPERATORS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function rangeCondition(field: Field, range: Range, place: string, draft: StatementDraft): string {
  const bounds = Object.entries(OPERATORS).flatMap(([name, operator]) => {
    const value = range[name as keyof typeof OPERATORS];
    return value === undefined
      ? []
      : [{ operator, at: `${place}.${name}`, value: scalarOf(value, `${place}.${name}`) }];
  });
  if (bounds.length === 0) throw fieldError(place, 'needs one of gt, gte, lt and lte');
  const conditions = bounds.map(({ operator, at, value }) => {
    if (field.kind === 'time') {
      if (typeof value !== 'string') throw fieldError(at, RFC3339_EXPECTED);
      const time = `fromUnixTimestamp64Milli(${draft.bind(timeOf(value, at), 'Int64')}, 'UTC')`;
      return `${field.column} ${operator} ${time}`;
    }
    if (typeof value === 'number') {
      if (field.kind === 'text' || field.kind === 'list')
        throw fieldError(at, `${field.name} is compared with text`);
      return `ifNull(${numberExpression(field, draft)} ${operator} ${draft.bind(value, 'Float64')}, 0)`;
    }
    throw fieldError(
      at,
      field.kind === 'path' || field.kind === 'number' ? 'must be a number' : `${field.name} has no order`,
    );
  });
  return `(${conditions.join(' AND ')})`;
}
