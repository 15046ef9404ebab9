import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readConnection } from '@millrace/embedded';
import { httpCall } from '@millrace/testkit';
import { runCommand, runSuccessfully } from './support/run-command.ts';

let disk = '';
let dataDir = '';

before(async () => {
  disk = await mkdtemp(join(tmpdir(), 'millrace-small-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=700m', 'millrace-e2e', disk]);
  dataDir = join(disk, 'data');
});

after(async () => {
  await runCommand('scripts/down', ['--data', dataDir]);
  execFileSync('umount', ['--lazy', disk]);
  await rm(disk, { recursive: true, force: true });
});

test('a disk of 700 MB is enough for a start, and the log says what it means for the stream', async () => {
  await up();
  await accept();
  assert.match(readFileSync(join(dataDir, 'logs/up.log'), 'utf8'), /the stream EVENTS may grow to 3\d\d MiB/);
});

for (const bytes of ['1e8', '4e8', '']) {
  test(`started again with STREAM_MAX_BYTES=${bytes} over a stream of another size it accepts events`, async () => {
    await runSuccessfully('scripts/down', ['--data', dataDir]);
    await up({ STREAM_MAX_BYTES: bytes });
    await accept();
  });
}

test('a STREAM_MAX_BYTES beyond the disk is refused in one line', async () => {
  await runSuccessfully('scripts/down', ['--data', dataDir]);
  const { status, errors } = await start({ STREAM_MAX_BYTES: '1e9' });
  assert.equal(status, 1);
  assert.match(errors, /^STREAM_MAX_BYTES=1e9 does not fit: [^\n]+ at most\n$/);
});

function start(env: Readonly<Record<string, string>>) {
  return runCommand('scripts/up', ['--detach', '--port', '0', '--data', dataDir], { env });
}

async function up(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const { status, errors } = await start(env);
  assert.equal(status, 0, errors);
}

async function accept(): Promise<void> {
  const connection = readConnection(dataDir);
  assert.ok(connection);
  const headers = { 'content-type': 'application/json', 'x-api-key': connection.credentials.apiKey };
  const answer = await httpCall(`${connection.url}/v1/ingest`, { headers, body: '[{"type":"small.disk"}]' });
  assert.equal(answer.status, 202, answer.text);
}
