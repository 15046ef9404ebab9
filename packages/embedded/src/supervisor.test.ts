import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { ManagedProcess, ProcessExit } from './child-process.ts';
import { supervise } from './supervisor.ts';

interface FakeProcess extends ManagedProcess {
  end: (exit: ProcessExit) => void;
}

test('a process that ends is started again, also when the first tries fail, and each is reported', async () => {
  const lines: string[] = [];
  const restarted = new EventTarget();
  let starts = 0;
  const supervised = await supervise({
    name: 'store',
    start: async () => {
      starts += 1;
      if (starts === 2) throw new Error('port is taken');
      return fakeProcess(starts);
    },
    onRestart: () => restarted.dispatchEvent(new Event('restart')),
    log: (line) => lines.push(line),
  });
  supervised.current.end({ code: null, signal: 'SIGKILL' });
  await once(restarted, 'restart');
  assert.equal(supervised.current.pid, 3);
  assert.deepEqual(lines, [
    'store did not start: port is taken',
    'store ended unexpectedly (SIGKILL) and was restarted, pid 3',
  ]);
  await supervised.stop();
  assert.equal(starts, 3);
});

test('stopping ends a process without a restart', async () => {
  let starts = 0;
  const start = async () => fakeProcess(++starts);
  const supervised = await supervise({ name: 'store', start, log: () => undefined });
  await supervised.stop();
  assert.deepEqual(await supervised.current.exited, { code: 0, signal: null });
  assert.equal(starts, 1);
});

test('stopping while a restart waits makes no new process', async () => {
  let starts = 0;
  const start = async () => fakeProcess(++starts);
  const supervised = await supervise({ name: 'store', start, log: () => undefined });
  supervised.current.end({ code: 1, signal: null });
  await supervised.current.exited;
  await supervised.stop();
  assert.equal(starts, 1);
});

test('a first start that fails is the caller’s to handle', async () => {
  const start = () => Promise.reject(new Error('no binary'));
  await assert.rejects(supervise({ name: 'store', start, log: () => undefined }), /no binary/);
});

function fakeProcess(pid: number): FakeProcess {
  const { promise: exited, resolve: end } = Promise.withResolvers<ProcessExit>();
  const stop = async () => end({ code: 0, signal: null });
  return { name: 'store', pid, exited, end, stop, kill: stop };
}
