import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { identifyProcess, isAlive, terminateProcess } from './process-identity.ts';

test('a live process is recognised, one that reuses its pid is not', () => {
  const self = identifyProcess(process.pid);
  assert.ok(self !== undefined);
  assert.equal(isAlive(self), true);
  assert.equal(isAlive({ ...self, startedAt: 'another time' }), false);
});

test('a process that ignores SIGTERM is killed once the grace is over', async () => {
  const child = spawn('/bin/sh', ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.05; done']);
  await once(child.stdout, 'data');
  const identity = identifyProcess(child.pid ?? 0);
  assert.ok(identity !== undefined);
  await terminateProcess(identity, 100);
  assert.equal(isAlive(identity), false);
});
