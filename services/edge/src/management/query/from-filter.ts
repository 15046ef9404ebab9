import type { Value } from '@bufbuild/protobuf/wkt';
import type { Comparison, Filter } from '@millrace/contracts/millrace/query/v1/query';
import { MillraceError } from '@millrace/runtime';
import type { FilterJson } from './schema.ts';

/** A filter of the contract as JSON has it. Of one that has been checked; throws MillraceError `internal` for another. */
export function fromFilter({ condition }: Filter): FilterJson {
  switch (condition.case) {
    case 'all':
      return { and: condition.value.filters.map(fromFilter) };
    case 'any':
      return { or: condition.value.filters.map(fromFilter) };
    case 'not':
      return { not: fromFilter(condition.value) };
    case 'comparison':
      return { field: condition.value.field, ...fromTest(condition.value) };
    default:
      throw unchecked();
  }
}

function fromTest({ test }: Comparison): FilterJson {
  switch (test.case) {
    case 'equals':
      return { eq: scalar(test.value) };
    case 'in':
      return { in: test.value.values.map(scalar) };
    case 'contains':
    case 'startsWith':
    case 'exists':
      return { [test.case]: test.value };
    case 'range': {
      const { $typeName, $unknown, ...bounds } = test.value;
      return Object.fromEntries(
        Object.entries(bounds).flatMap(([name, value]) => (value ? [[name, scalar(value)]] : [])),
      );
    }
    default:
      throw unchecked();
  }
}

function scalar({ kind }: Value): string | number | boolean {
  switch (kind.case) {
    case 'stringValue':
    case 'numberValue':
    case 'boolValue':
      return kind.value;
    default:
      throw unchecked();
  }
}

function unchecked(): MillraceError {
  return new MillraceError('internal', 'a filter that nobody has checked');
}
