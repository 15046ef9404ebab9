import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PLACED, schedule } from './schedule.ts';

const ROOT = join(import.meta.dirname, '../..');

test('slow files begin first, what needs the machine alone comes last, and each file runs once', () => {
  const files = [
    'tests/e2e/tls.test.ts',
    'tests/e2e/tail-load.test.ts',
    'tests/e2e/up-and-down.test.ts',
    'tests/e2e/browser.test.ts',
  ];
  assert.deepEqual(schedule(files), {
    together: ['tests/e2e/up-and-down.test.ts', 'tests/e2e/browser.test.ts', 'tests/e2e/tls.test.ts'],
    alone: ['tests/e2e/tail-load.test.ts'],
  });
});

test('every file with a place of its own exists', () => {
  assert.deepEqual(
    PLACED.filter((file) => !existsSync(join(ROOT, file))),
    [],
  );
});
