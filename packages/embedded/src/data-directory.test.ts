import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDataDirectory, lockHolder } from './data-directory.ts';

test('a held directory is refused in one line that names its holder', (t) => {
  const dataDir = temporaryDirectory(t);
  const lock = lockDataDirectory(dataDir);
  assert.throws(() => lockDataDirectory(dataDir), {
    message: `${dataDir} is in use by process ${process.pid}; stop it with: scripts/down --data ${dataDir}`,
  });
  assert.equal(lockHolder(dataDir)?.pid, process.pid);
  lock.release();
  lockDataDirectory(dataDir).release();
  assert.deepEqual(readdirSync(dataDir), ['clickhouse', 'logs', 'nats', 'run']);
});

test('the lock of a process that is gone is taken over, even when its pid lives again', (t) => {
  const dataDir = temporaryDirectory(t);
  writeFileSync(join(dataDir, 'lock'), JSON.stringify({ pid: process.pid, startedAt: 'an earlier boot:1' }));
  assert.equal(lockHolder(dataDir), undefined);
  lockDataDirectory(dataDir).release();
});

test('a lock that a crash cut short is taken over', (t) => {
  const dataDir = temporaryDirectory(t);
  writeFileSync(join(dataDir, 'lock'), '');
  lockDataDirectory(dataDir).release();
});

function temporaryDirectory(t: { after: (clean: () => void) => void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
