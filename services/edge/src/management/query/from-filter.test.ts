import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { FilterSchema } from '@millrace/contracts/millrace/query/v1/query';
import { MillraceError } from '@millrace/runtime';
import { fromFilter } from './from-filter.ts';
import { filterSchema } from './schema.ts';
import { toFilter } from './to-query.ts';

test('every filter comes back as it was', () => {
  const field = 'payload.plan';
  const leaves = [
    { field, eq: 'gold' },
    { field, eq: '' },
    { field, eq: 0 },
    { field, eq: false },
    { field, in: ['a', 1.5, true] },
    { field, in: [] },
    { field, contains: '' },
    { field, startsWith: 'g' },
    { field, exists: false },
    { field, gt: 1 },
    { field, gte: 0, lt: -1e300 },
    { field, lte: '2024-01-01T00:00:00Z' },
  ];
  for (const filter of [...leaves, { and: leaves }, { or: [] }, { not: { or: [{ and: leaves }] } }]) {
    const read = create(FilterSchema, toFilter(filterSchema.parse(filter)));
    assert.deepEqual(fromFilter(read), filter);
  }
});

test('what no filter can be is not shown as one', () => {
  const comparison = (test: object) => ({
    condition: { case: 'comparison' as const, value: { field: 'a', test } },
  });
  for (const init of [
    {},
    comparison({ case: undefined }),
    comparison({ case: 'equals', value: { kind: { case: 'nullValue', value: 0 } } }),
  ]) {
    const odd = create(FilterSchema, init as Parameters<typeof create<typeof FilterSchema>>[1]);
    assert.throws(() => fromFilter(odd), MillraceError);
  }
});
