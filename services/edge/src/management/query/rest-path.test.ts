import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restPath } from './rest-path.ts';

const cases: readonly (readonly [string, readonly (string | number)[]])[] = [
  ['query', []],
  ['window.time_zone', ['window', 'timeZone']],
  ['filter.all.filters[2].comparison.field', ['filter', 'and', 2, 'field']],
  ['filter.any.filters[0].not.comparison.starts_with', ['filter', 'or', 0, 'not', 'startsWith']],
  ['filter.comparison.in[11]', ['filter', 'in', 11]],
  ['filter.comparison.range.gte', ['filter', 'gte']],
  ['filter.comparison.equals', ['filter', 'eq']],
  ['time_series.measures[0].level', ['timeSeries', 'measures', 0, 'level']],
  ['funnel.steps[1].filter.comparison.field', ['funnel', 'steps', 1, 'filter', 'field']],
  ['funnel.conversion_window', ['funnel', 'within']],
];
for (const [field, path] of cases) {
  test(`${field} is ${path.join('.')}`, () => assert.deepEqual(restPath(field), path));
}
