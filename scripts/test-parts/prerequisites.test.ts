import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const script = `const { installPrerequisites } = await import(${JSON.stringify(new URL('./prerequisites.ts', import.meta.url).href)});
try { await installPrerequisites(); } catch (error) { process.stdout.write(error.message); }`;

test('without a terminal and outside CI nothing is installed: the command is named', (t) => {
  assert.match(
    outputOf(t, {}),
    /^these programs are missing:\n {2}redis-server: for [\s\S]*\nrun: apt-get install redis-server openssl git /,
  );
});

test('in CI it is installed unasked', (t) => {
  // There is no apt-get on this PATH, so the try fails, and that is said with what is missing.
  assert.match(
    outputOf(t, { CI: 'true' }),
    /^installing redis-server, openssl, git, .*\nthese programs are missing:/,
  );
});

function outputOf(t: { after: (clean: () => void) => void }, env: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace-path-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  symlinkSync('/bin/sh', join(path, 'sh'));
  const args = ['--input-type=module', '--eval', script];
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: { PATH: path, ...env } }).stdout;
}
