import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { planFakeService } from '../test/fake-plan.ts';
import { type Connection, readConnection } from './connection.ts';
import { pickFreePort } from './free-port.ts';
import { identifyProcess } from './process-identity.ts';
import { type StackOptions, startStack, stopStack } from './stack.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-stack-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('a stack is described while it runs, restarts what is killed, and leaves nothing when it stops', async (t) => {
  const dataDir = temporaryDirectory();
  const stack = await startStack(fakeStack(dataDir));
  t.after(() => stack.kill());
  const before = connectionOf(dataDir);
  assert.equal(statSync(join(dataDir, 'connection.json')).mode & 0o777, 0o600);
  assert.deepEqual(namesOf(before), ['clickhouse', 'fake', 'nats-server', 'supervisor']);
  const seenByService = await (await fetch(before.url)).json();
  assert.deepEqual(seenByService, { NATS_URL: before.nats.url, CLICKHOUSE_URL: before.clickhouse.url });

  const victims = before.processes.filter(({ pid }) => pid !== process.pid);
  for (const { pid } of victims) process.kill(pid, 'SIGKILL');
  await until(() => victims.every(({ pid }) => !connectionOf(dataDir).processes.some((p) => p.pid === pid)));
  const restarted = connectionOf(dataDir);
  assert.deepEqual({ ...restarted, processes: [] }, { ...before, processes: [] });

  await stack.stop();
  for (const { pid } of restarted.processes) assert.equal(pid === process.pid || !runs(pid), true);
  assert.equal(existsSync(join(dataDir, 'connection.json')), false);
  assert.equal(existsSync(join(dataDir, 'lock')), false);
  assert.deepEqual(readdirSync(join(dataDir, 'run')), []);
});

test('a used directory and a taken port are refused in one line, before anything starts', async (t) => {
  const dataDir = temporaryDirectory();
  const stack = await startStack(fakeStack(dataDir));
  t.after(() => stack.stop());
  const port = Number(new URL(stack.connection.url).port);
  await assert.rejects(
    startStack(fakeStack(dataDir)),
    /^Error: .* is in use by process \d+; stop it with: .*$/,
  );
  const other = temporaryDirectory();
  await assert.rejects(startStack({ ...fakeStack(other), port }), {
    message: `port ${port} is taken; choose another with --port`,
  });
  assert.deepEqual(readdirSync(other, { recursive: true }).toSorted(), [
    'clickhouse',
    'logs',
    'nats',
    'run',
    'secrets.json',
  ]);
});

test('a service that cannot start ends the whole start with the last lines of its log', async () => {
  const dataDir = temporaryDirectory();
  const env = { ...process.env, FAIL: 'KEY_PEPPER is too short' };
  await assert.rejects(
    startStack({ ...fakeStack(dataDir), env }),
    /ends each time.*KEY_PEPPER is too short/s,
  );
  assert.equal(existsSync(join(dataDir, 'lock')), false);
  assert.equal(existsSync(join(dataDir, 'nats/process.json')), false);
});

test('a service that never gets its store prepared ends the start when its time is up, and is told of', async () => {
  const dataDir = temporaryDirectory();
  const env = { ...process.env, LACKS: 'schema' };
  await assert.rejects(
    startStack({ ...fakeStack(dataDir), env, readyTimeoutMs: 3_000 }),
    /^Error: fake was not ready in 3 s: not prepared: schema$/,
  );
  assert.equal(existsSync(join(dataDir, 'lock')), false);
  assert.equal(readConnection(dataDir), undefined);
});

for (const [title, path] of [
  ['by the kernel', undefined],
  ['by the next start, where setpriv is missing', '/nonexistent'],
] as const) {
  test(`what a killed supervisor leaves behind is ended ${title}`, async () => {
    const dataDir = temporaryDirectory();
    const port = await pickFreePort();
    const { supervisor, connection } = await startAlone(dataDir, path);
    supervisor.kill('SIGKILL');
    await once(supervisor, 'exit');
    if (path === undefined) await until(() => connection.processes.every(({ pid }) => !runs(pid)));
    else assert.ok(connection.processes.some(({ name, pid }) => name === 'nats-server' && runs(pid)));

    const stack = await startStack({ ...fakeStack(dataDir), port });
    assert.equal(connection.processes.filter(({ pid }) => runs(pid)).length, 0);
    assert.deepEqual(stack.connection.credentials, connection.credentials);
    await stack.stop();
  });
}

test('stopStack stops the stack of its directory, also one without a supervisor, and no other', async () => {
  const [dataDir, otherDir] = [temporaryDirectory(), temporaryDirectory()];
  const { supervisor, connection } = await startAlone(dataDir, '/nonexistent');
  assert.deepEqual(await stopStack({ dataDir: otherDir, graceMs: 5_000 }), { kind: 'not-running' });
  assert.equal(connection.processes.filter(({ pid }) => runs(pid)).length, 4);
  const outcome = await stopStack({ dataDir, graceMs: 10_000 });
  assert.deepEqual(outcome, { kind: 'stopped', pid: supervisor.pid });
  assert.equal(connection.processes.filter(({ pid }) => runs(pid)).length, 0);

  const orphaned = await startAlone(otherDir, '/nonexistent');
  orphaned.supervisor.kill('SIGKILL');
  await once(orphaned.supervisor, 'exit');
  assert.deepEqual(await stopStack({ dataDir: otherDir, graceMs: 5_000 }), { kind: 'not-running' });
  assert.equal(orphaned.connection.processes.filter(({ pid }) => runs(pid)).length, 0);
  assert.equal(existsSync(join(otherDir, 'connection.json')), false);
});

function fakeStack(dataDir: string): StackOptions {
  return { dataDir, port: 0, adminPort: 0, services: planFakeService, log: () => undefined };
}

interface Alone {
  supervisor: ChildProcess;
  connection: Connection;
}

async function startAlone(dataDir: string, path: string | undefined): Promise<Alone> {
  const program = join(import.meta.dirname, '../test/stack-alone.ts');
  const supervisor = fork(program, path === undefined ? [dataDir] : [dataDir, path]);
  await once(supervisor, 'message');
  return { supervisor, connection: connectionOf(dataDir) };
}

function connectionOf(dataDir: string): Connection {
  const connection = readConnection(dataDir);
  assert.ok(connection !== undefined, readFileSync(join(dataDir, 'connection.json'), 'utf8'));
  return connection;
}

function namesOf(connection: Connection): string[] {
  return connection.processes.map(({ name }) => name).toSorted();
}

function runs(pid: number): boolean {
  return identifyProcess(pid) !== undefined;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, 'the condition was not met in 15 s');
    await sleep(20);
  }
}

function temporaryDirectory(): string {
  return mkdtempSync(join(root, 'data-'));
}
