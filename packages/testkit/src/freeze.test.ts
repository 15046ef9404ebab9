import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { freeze, isFrozen } from './freeze.ts';

test('a frozen process does nothing more until it is told to go on', async (t) => {
  const child = spawn(process.execPath, ['-e', "setInterval(() => process.stdout.write('.'), 1)"], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const { pid, stdout } = child;
  assert.ok(pid);
  await once(stdout, 'data');
  await freeze(pid);
  stdout.read();
  let written = 0;
  stdout.on('data', ({ length }: Buffer) => {
    written += length;
  });
  // What it had written before may still be on its way.
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = written;
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(written, before);
  assert.equal(isFrozen(pid), true);
  process.kill(pid, 'SIGCONT');
  await once(stdout, 'data');
  assert.equal(isFrozen(pid), false);
});
