import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSecrets } from './secrets.ts';

test('secrets are made once, readable by their owner only, and stay the same', (t) => {
  const dataDir = temporaryDirectory(t);
  const first = loadSecrets(dataDir);
  assert.match(first.apiKey, /^evp_[A-Za-z0-9_-]{43}$/);
  assert.match(first.externalEventToken, /^[0-9a-f]{64}$/);
  assert.match(first.workspaceId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(statSync(join(dataDir, 'secrets.json')).mode & 0o777, 0o600);
  assert.deepEqual(loadSecrets(dataDir), first);
  assert.deepEqual(readdirSync(dataDir), ['secrets.json']);
});

for (const name of ['natsPassword', 'sqlPassword'] as const) {
  test(`the secrets of an older Millrace get a ${name} and stay otherwise the same`, (t) => {
    const dataDir = temporaryDirectory(t);
    const { [name]: _, ...older } = loadSecrets(dataDir);
    writeFileSync(join(dataDir, 'secrets.json'), JSON.stringify(older));
    const completed = loadSecrets(dataDir);
    assert.match(completed[name], /^[A-Za-z0-9_-]{32}$/);
    const { [name]: __, ...rest } = completed;
    assert.deepEqual(rest, older);
    assert.deepEqual(loadSecrets(dataDir), completed);
  });
}

test('a damaged file is reported, not replaced', (t) => {
  const dataDir = temporaryDirectory(t);
  writeFileSync(join(dataDir, 'secrets.json'), '{"apiKey":');
  assert.throws(() => loadSecrets(dataDir), /secrets\.json is damaged/);
});

function temporaryDirectory(t: { after: (clean: () => void) => void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-secrets-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
