import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecordTable, type RecordChange, tellDifferences } from './record-table.ts';

function tableOf() {
  const changes: RecordChange<string>[] = [];
  const table = createRecordTable<string>({ onChange: (change) => changes.push(change) });
  return { table, changes };
}

test('an own write is seen at once, and its echo from the watch is no second change', () => {
  const { table, changes } = tableOf();
  table.wrote('a', 'one', 1);
  assert.equal(table.records.get('a')?.value, 'one');
  table.watchedPut('a', 'one', 1);
  assert.equal(changes.length, 1);
});

test('an own write that is told late does not bring back what the watch has shown removed', () => {
  const { table } = tableOf();
  table.watchedPut('a', 'one', 1);
  table.watchedRemoval('a', 2);
  table.wrote('a', 'one', 1);
  assert.equal(table.records.has('a'), false);
});

test('an older put on its way does not bring back what was removed here', () => {
  const { table, changes } = tableOf();
  table.watchedPut('a', 'one', 1);
  table.wrote('a', 'two', 2);
  table.removed('a', 3);
  table.watchedPut('a', 'two', 2);
  assert.equal(table.records.has('a'), false);
  table.watchedRemoval('a', 3);
  table.watchedPut('a', 'three', 4);
  assert.equal(table.records.get('a')?.value, 'three');
  assert.deepEqual(
    changes.map((change) => change.kind),
    ['put', 'put', 'removed', 'put'],
  );
});

test('differences between two states are told: new, changed and missing records', () => {
  const changes: RecordChange<string>[] = [];
  tellDifferences({
    before: new Map([
      ['same', { value: 'x', revision: 1 }],
      ['changed', { value: 'old', revision: 2 }],
      ['missing', { value: 'gone', revision: 3 }],
    ]),
    after: new Map([
      ['same', { value: 'x', revision: 1 }],
      ['changed', { value: 'new', revision: 4 }],
      ['added', { value: 'y', revision: 5 }],
    ]),
    onChange: (change) => changes.push(change),
  });
  assert.deepEqual(
    changes.map((change) => [change.kind, change.recordKey, change.previous]),
    [
      ['put', 'changed', 'old'],
      ['put', 'added', undefined],
      ['removed', 'missing', 'gone'],
    ],
  );
});
