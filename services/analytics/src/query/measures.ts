import { Aggregation, ColumnType, type Measure } from '@millrace/contracts/millrace/query/v1/query';
import { fieldError } from '@millrace/runtime';
import { parseField } from '@millrace/wire';
import { numberExpression, textExpression } from './fields.ts';
import type { StatementDraft } from './statement.ts';

/** A figure in a statement. */
export interface CompiledMeasure {
  /** The column's name. */
  readonly name: string;
  /** An aggregate over events. */
  readonly sql: string;
  /** Whether figures of parts add up to that of the whole. */
  readonly isAdditive: boolean;
  /** What it is of no events: 0 or NULL. */
  readonly ofNothing: '0' | 'NULL';
}

const MAX_MEASURES = 10;
const MAX_NAME_CHARS = 64;

/** Hashes that the table keeps beside a column: shorter to read, and what the rollups are made of. */
const HASHES: Readonly<Record<string, string>> = { user_id: 'user_h', session_id: 'session_h' };

/**
 * The figures of a question, the count where it names none. No two columns have one name: `taken` are those of the other columns,
 * `also` is what else a figure's name makes. Throws MillraceError `invalid_argument` naming the place.
 */
export function compileMeasures(
  measures: readonly Measure[],
  place: string,
  draft: StatementDraft,
  { taken, also }: { taken: readonly string[]; also?: (name: string) => string },
): readonly [CompiledMeasure, ...CompiledMeasure[]] {
  if (measures.length > MAX_MEASURES) throw fieldError(place, `at most ${MAX_MEASURES}`);
  const compiled = measures.map((measure, i) => compileMeasure(measure, `${place}[${i}]`, draft));
  const names = new Set(taken);
  for (const [i, { name }] of compiled.entries()) {
    for (const column of also ? [name, also(name)] : [name]) {
      if (names.has(column)) throw fieldError(`${place}[${i}].name`, 'is taken by another column');
      names.add(column);
    }
  }
  const [first = COUNT, ...others] = compiled;
  return [first, ...others];
}

const COUNT: CompiledMeasure = { name: 'count', sql: 'count()', isAdditive: true, ofNothing: '0' };

function compileMeasure(measure: Measure, place: string, draft: StatementDraft): CompiledMeasure {
  const { aggregation, field: fieldName, level } = measure;
  if (measure.name.length > MAX_NAME_CHARS)
    throw fieldError(`${place}.name`, `at most ${MAX_NAME_CHARS} characters`);
  if (/\p{Cc}/u.test(measure.name)) throw fieldError(`${place}.name`, 'must not contain control characters');
  const named = (compiled: CompiledMeasure): CompiledMeasure =>
    measure.name === '' ? compiled : { ...compiled, name: measure.name };
  if (aggregation === Aggregation.UNSPECIFIED || aggregation === Aggregation.COUNT) {
    if (fieldName !== '') throw fieldError(`${place}.field`, 'a count has none');
    return named(COUNT);
  }
  const field = parseField(fieldName, `${place}.field`);
  if (aggregation === Aggregation.UNIQUE) {
    const hash = field.kind === 'text' ? HASHES[field.column] : undefined;
    const sql =
      hash === undefined
        ? `uniqExact(${textExpression(field, draft)})`
        : `uniqExactIf(${hash}, ${hash} != sipHash64(''))`;
    return named({ name: `unique(${field.name})`, sql, isAdditive: false, ofNothing: '0' });
  }
  if (field.kind !== 'number' && field.kind !== 'path')
    throw fieldError(`${place}.field`, `${field.name} is no number`);
  const number = numberExpression(field, draft);
  switch (aggregation) {
    case Aggregation.SUM:
      return named({
        name: `sum(${field.name})`,
        sql: `sumOrNull(${number})`,
        isAdditive: true,
        ofNothing: 'NULL',
      });
    case Aggregation.AVG:
      return named({
        name: `avg(${field.name})`,
        sql: `avgOrNull(${number})`,
        isAdditive: false,
        ofNothing: 'NULL',
      });
    case Aggregation.MIN:
      return named({
        name: `min(${field.name})`,
        sql: `minOrNull(${number})`,
        isAdditive: false,
        ofNothing: 'NULL',
      });
    case Aggregation.MAX:
      return named({
        name: `max(${field.name})`,
        sql: `maxOrNull(${number})`,
        isAdditive: false,
        ofNothing: 'NULL',
      });
    case Aggregation.QUANTILE: {
      if (!(level >= 0 && level <= 1)) throw fieldError(`${place}.level`, 'must be from 0 to 1');
      // An aggregate's own parameter can't be bound; a checked number has no other spelling.
      const sql = `quantileExactInclusiveOrNull(${level.toFixed(20)})(${number})`;
      return named({ name: `quantile(${field.name}, ${level})`, sql, isAdditive: false, ofNothing: 'NULL' });
    }
    default:
      throw fieldError(`${place}.aggregation`, 'is not known');
  }
}

/** The column of a figure. */
export function measureColumn(name: string): { name: string; type: ColumnType } {
  return { name, type: ColumnType.NUMBER };
}
