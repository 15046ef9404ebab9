import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { planFakeService } from '../test/fake-plan.ts';
import { mountDisk } from '../test/small-disk.ts';
import { prepareDataDirectory } from './data-directory.ts';
import { startStack } from './stack.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-odd-'));
after(() => rmSync(root, { recursive: true, force: true }));

for (const name of [
  'with space',
  'back\\slash',
  'back\\nslash',
  'quote"d',
  "apo'strophe",
  '<tag> & co',
  '%d{brace} $HOME',
  'st*r [a-z]?',
  'ünïcödé 数据 🐘',
  'line\nbreak',
  'tab\there',
  '#hash; semi, comma=',
  '-dash',
  'long'.repeat(50),
]) {
  test(`a data directory named ${JSON.stringify(name)} works`, async () => {
    const dataDir = join(root, name);
    const options = { dataDir, port: 0, adminPort: 0, services: planFakeService, log: () => undefined };
    const stack = await startStack(options);
    await stack.stop();
    for (const file of ['nats/jetstream', 'clickhouse/store', 'clickhouse/clickhouse.log']) {
      assert.ok(existsSync(join(dataDir, file)), file);
    }
  });
}

test('what can’t be written to is named in one line, with the reason', (t) => {
  const readOnly = join(root, 'read-only');
  t.after(mountDisk(readOnly, { mebibytes: 1, readOnly: true }));
  const full = join(root, 'full');
  t.after(mountDisk(full, { mebibytes: 1 }));
  fill(join(full, 'ballast'));
  const file = join(root, 'file');
  writeFileSync(file, '');
  const link = join(root, 'link');
  symlinkSync(join(root, 'nothing'), link);
  const used = join(root, 'used');
  mkdirSync(used);
  writeFileSync(join(used, 'nats'), '');

  const long = join(root, 'x'.repeat(300));
  for (const [dataDir, directory, reason] of [
    [join(readOnly, 'a', 'b'), join(readOnly, 'a', 'b'), `${readOnly} is on a read-only disk`],
    [readOnly, readOnly, `${readOnly} is on a read-only disk`],
    [join(full, 'a'), join(full, 'a'), `the disk of ${full}/a is full`],
    [file, file, `${file} is not a directory`],
    [join(file, 'a', 'b'), join(file, 'a', 'b'), `${file} is not a directory`],
    [link, link, `${link} links to what is not there`],
    [long, long, 'the path is too long'],
    [used, join(used, 'nats'), `${join(used, 'nats')} is not a directory`],
  ] as const) {
    assert.throws(() => prepareDataDirectory(dataDir), {
      message: `${directory} can't be used for data: ${reason}`,
    });
  }
});

test('a directory of somebody else is named with the user who may not write there', async () => {
  const theirs = mkdtempSync(join(tmpdir(), 'millrace-theirs-'));
  chmodSync(theirs, 0o755);
  const module = new URL('./data-directory.ts', import.meta.url).href;
  const script = `process.setuid(65534);
    const { prepareDataDirectory } = await import(${JSON.stringify(module)});
    try { prepareDataDirectory(${JSON.stringify(join(theirs, 'a'))}); } catch (error) { process.stdout.write(error.message); }`;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  rmSync(theirs, { recursive: true });
  assert.equal(said, `${theirs}/a can't be used for data: the user 65534 may not write to ${theirs}`);
});

function fill(path: string): void {
  assert.throws(() => writeFileSync(path, Buffer.alloc(2 * 1024 ** 2)), /ENOSPC/);
}
