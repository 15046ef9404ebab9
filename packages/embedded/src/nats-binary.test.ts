import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findNatsServer } from './nats-binary.ts';

test('NATS_SERVER_BIN is taken as it is when new enough, and refused by name when not', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-nats-binary-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const recent = fakeServer(directory, 'recent', '2.12.0');
  const old = fakeServer(directory, 'old', '2.9.25');
  const log = () => assert.fail('nothing may be fetched');

  assert.equal(await findNatsServer({ env: { NATS_SERVER_BIN: recent }, log }), recent);
  await assert.rejects(findNatsServer({ env: { NATS_SERVER_BIN: old }, log }), {
    message: `NATS_SERVER_BIN=${old}: is v2.9.25, 2.12 or newer is needed`,
  });
  await assert.rejects(findNatsServer({ env: { NATS_SERVER_BIN: '/nowhere' }, log }), /does not run/);
});

test('a server on PATH is used when it is new enough', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-nats-binary-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const onPath = fakeServer(directory, 'nats-server', '3.0.1');
  assert.equal(await findNatsServer({ env: { PATH: directory }, log: () => undefined }), onPath);
});

function fakeServer(directory: string, name: string, version: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\necho nats-server: v${version}\n`, { mode: 0o755 });
  return path;
}
