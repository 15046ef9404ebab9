import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { FUNCTION_GROUPS, isAllowedFunction } from './allowed-functions.ts';

test('docs/sql.md has every function, and no other one', () => {
  const page = readFileSync(new URL('../../../../docs/sql.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| (.*?) \| ((?:`\w+` ?)+)\|$/gm)].map(([, title, names = '']) => [
    title,
    names.replaceAll('`', '').trim(),
  ]);
  assert.deepEqual(documented, Object.entries(FUNCTION_GROUPS));
});

test('names are compared without regard to case', () => {
  for (const name of ['count', 'COUNT', 'toStartOfHour', 'tostartofhour', 'CAST'])
    assert.ok(isAllowedFunction(name));
  for (const name of ['file', 'FILE', 'hostName', '', 'if ', 'toString\n', '__proto__', 'constructor']) {
    assert.ok(!isAllowedFunction(name), name);
  }
});

test('aggregates take combinators, other functions and what reads or writes states do not', () => {
  for (const name of ['sumIf', 'uniqExactArrayIf', 'avgOrNull', 'countDistinctIf', 'sumMap', 'quantilesIf']) {
    assert.ok(isAllowedFunction(name), name);
  }
  for (const name of [
    'sumState',
    'sumMerge',
    'sumMergeState',
    'fileIf',
    'lengthIf',
    'sumResample',
    'sumSimpleState',
  ]) {
    assert.ok(!isAllowedFunction(name), name);
  }
});
