import type { Filter } from '@millrace/contracts/millrace/query/v1/query';
import { type Condition, type OneOf, readFilter } from '@millrace/wire';
import { existsExpression, numberExpression, valueExpression } from './fields.ts';
import type { StatementDraft } from './statement.ts';

/**
 * A filter as a condition that is true or false, never NULL; '1' for none. Throws MillraceError `invalid_argument` that names the
 * place in the question, for example `filter.all.filters[2].comparison.field`.
 */
export function filterCondition(filter: Filter | undefined, place: string, draft: StatementDraft): string {
  return filter === undefined ? '1' : conditionText(readFilter(filter, place), draft);
}

function conditionText(condition: Condition, draft: StatementDraft): string {
  switch (condition.kind) {
    case 'all':
    case 'any': {
      const inner = condition.conditions.map((one) => conditionText(one, draft));
      if (inner.length === 0) return condition.kind === 'all' ? '1' : '0';
      return `(${inner.join(condition.kind === 'all' ? ' AND ' : ' OR ')})`;
    }
    case 'not':
      return `NOT ${conditionText(condition.condition, draft)}`;
    case 'exists':
      return existsExpression(condition.field, draft);
    case 'oneOf':
      return oneOfText(condition, draft);
    case 'contains':
      return textCondition(condition, draft, (text, part) => `position(${text}, ${part}) > 0`);
    case 'startsWith':
      return textCondition(condition, draft, (text, part) => `startsWith(${text}, ${part})`);
    case 'range':
      return rangeText(condition, draft);
  }
}

function oneOfText({ field, texts, numbers, flags }: OneOf, draft: StatementDraft): string {
  if (texts.length + numbers.length + flags.length === 0) return '0';
  switch (field.kind) {
    case 'text':
      return `(${field.column} IN ${draft.bind(texts, 'Array(String)')})`;
    case 'list':
      return `hasAny(${field.column}, ${draft.bind(texts, 'Array(String)')})`;
    case 'number':
      return `(toFloat64(${field.column}) IN ${draft.bind(numbers, 'Array(Float64)')})`;
    case 'time':
      return `(toUnixTimestamp64Milli(${field.column}) IN ${draft.bind(numbers, 'Array(Int64)')})`;
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

function textCondition(
  { field, text }: Extract<Condition, { kind: 'contains' | 'startsWith' }>,
  draft: StatementDraft,
  test: (text: string, part: string) => string,
): string {
  const part = draft.bind(text, 'String');
  switch (field.kind) {
    case 'text':
      return `(${existsExpression(field, draft)} AND ${test(field.column, part)})`;
    case 'list':
      return `arrayExists(label -> ${test('label', part)}, ${field.column})`;
    case 'path': {
      const value = valueExpression(field, draft);
      return `(startsWith(${value}, '"') AND ${test(`substring(${value}, 2)`, part)})`;
    }
  }
}

function rangeText({ field, bounds }: Extract<Condition, { kind: 'range' }>, draft: StatementDraft): string {
  const conditions = bounds.map(({ operator, value }) =>
    field.kind === 'time'
      ? `${field.column} ${operator} fromUnixTimestamp64Milli(${draft.bind(value, 'Int64')}, 'UTC')`
      : `ifNull(${numberExpression(field, draft)} ${operator} ${draft.bind(value, 'Float64')}, 0)`,
  );
  return `(${conditions.join(' AND ')})`;
}
