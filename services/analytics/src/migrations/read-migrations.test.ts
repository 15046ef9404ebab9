import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMigrations } from './read-migrations.ts';

const read = (cluster: string) =>
  ['sql/', 'ledger/'].flatMap((directory) =>
    readMigrations({ database: 'millrace', cluster }, new URL(directory, import.meta.url)),
  );
const plain = read('');
const clustered = read('main');
const text = (migrations: typeof plain) => migrations.flatMap(({ statements }) => statements).join('\n');

test('every placeholder is filled in', () => {
  assert.doesNotMatch(text(plain) + text(clustered), /\{\{/);
});

test('a single server gets plain engines, a cluster replicated ones on every node', () => {
  assert.doesNotMatch(text(plain), /Replicated\w*MergeTree|ON CLUSTER/);
  for (const statement of clustered.flatMap(({ statements }) => statements)) {
    assert.match(statement, /ON CLUSTER main/);
    if (/ENGINE =/.test(statement)) assert.match(statement, /ENGINE = Replicated(Replacing)?MergeTree\('/);
  }
});

test('every statement can be repeated', () => {
  for (const statement of plain.flatMap(({ statements }) => statements)) {
    assert.match(
      statement,
      /^(CREATE (OR REPLACE|(TABLE|DATABASE) IF NOT EXISTS)|ALTER TABLE \S+\s+(ADD \w+ IF NOT EXISTS|DROP \w+ IF EXISTS|MODIFY (SETTING|TTL) ))/,
    );
  }
});

test('a name that is no plain identifier never reaches a statement', () => {
  assert.throws(() => readMigrations({ database: 'a; DROP', cluster: '' }), TypeError);
  assert.throws(() => readMigrations({ database: 'millrace', cluster: "x' y" }), TypeError);
});
