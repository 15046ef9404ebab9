import type { Field } from '@millrace/wire';
import { propertyKey, type StatementDraft } from './statement.ts';

/** Whether there is such a field; Bool. */
export function existsExpression(field: Field, draft: StatementDraft): string {
  switch (field.kind) {
    case 'text':
      return `(${field.column} != '')`;
    case 'list':
      return `notEmpty(${field.column})`;
    case 'number':
    case 'time':
      return '1';
    case 'path':
      return `(${valueExpression(field, draft)} != '')`;
  }
}

/** The field as text, for grouping; NULL where there is none. A list can't be one. */
export function textExpression(field: Field, draft: StatementDraft): string {
  switch (field.kind) {
    case 'text':
      return `nullIf(${field.column}, '')`;
    case 'number':
      return `toString(${field.column})`;
    case 'time':
      return `concat(replaceOne(toString(${field.column}), ' ', 'T'), 'Z')`;
    case 'list':
      return `nullIf(arrayStringConcat(${field.column}, ','), '')`;
    case 'path': {
      const value = valueExpression(field, draft);
      return `if(${value} = '', NULL, if(startsWith(${value}, '"'), substring(${value}, 2), ${value}))`;
    }
  }
}

/** The field as a number; NULL where it is none. */
export function numberExpression(field: Field, draft: StatementDraft): string {
  switch (field.kind) {
    case 'number':
      return `toFloat64(${field.column})`;
    case 'path':
      return (
        draft.property(propertyKey(field.column, field.keys), 'number') ??
        `toFloat64OrNull(${valueExpression(field, draft)})`
      );
    default:
      return 'CAST(NULL AS Nullable(Float64))';
  }
}

/**
 * A path's value as text: '' for none and for null, `true` or `false`, a number, `{}` and `[]` for whatever object or list, and a
 * text behind a quotation mark. The writer puts the same into a property's column, see `property-fields.ts` of `@millrace/wire`.
 */
export function valueExpression(field: Field & { kind: 'path' }, draft: StatementDraft): string {
  const { column, keys } = field;
  const key = propertyKey(column, keys);
  return (
    draft.property(key, 'text') ??
    draft.parsed(key, field.name, (alias) => [
      `${rawExpression(field, (part) => (typeof part === 'number' ? draft.bind(part, 'Int64') : draft.bind(part, 'String')))} AS raw_${alias}`,
      `${valueOfRaw(`raw_${alias}`)} AS ${alias}`,
    ])
  );
}

/** The value that JSON text holds. The shortest text of a number is that of JavaScript; adding 0 makes 0 of -0. */
export function valueOfRaw(raw: string): string {
  return `multiIf(${raw} = '' OR ${raw} = 'null', '', startsWith(${raw}, '"'), concat('"', JSONExtractString(${raw})), startsWith(${raw}, '{'), '{}', startsWith(${raw}, '['), '[]', ${raw} IN ('true', 'false'), ${raw}, match(${raw}, '^-?[1-9][0-9]*$'), ${raw}, toString(toFloat64OrZero(${raw}) + 0))`;
}

/** A path's value as JSON text; '' where there is none. `place` makes an expression of a name or an index. */
export function rawExpression(
  { column, keys }: Pick<Field & { kind: 'path' }, 'column' | 'keys'>,
  place: (key: string | number) => string,
): string {
  // ClickHouse counts elements from 1.
  const places = keys.map((key) => place(typeof key === 'number' ? key + 1 : key));
  const raw = `JSONExtractRaw(${[column, ...places].join(', ')})`;
  // An index would count an object's members, too.
  const arrays = keys.flatMap((key, at) =>
    typeof key === 'number' ? [`JSONType(${[column, ...places.slice(0, at)].join(', ')}) = 'Array'`] : [],
  );
  return arrays.length === 0 ? raw : `if(${arrays.join(' AND ')}, ${raw}, '')`;
}
