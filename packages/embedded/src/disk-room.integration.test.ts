import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountDisk } from '../test/small-disk.ts';
import { sizeStream } from './disk-room.ts';

const mebibyte = 1024 ** 2;

test('a disk with room for it gets the usual size, and nothing is said', (t) => {
  const directory = smallDisk(t, 30_000);
  const log = () => assert.fail('nothing is to be said');
  assert.equal(sizeStream({ directory, asked: '', log }), String(10 * 1024 ** 3));
  // What is asked is taken as it is: 1e6 is a number too.
  assert.equal(sizeStream({ directory, asked: '1e6', log }), '1e6');
});

test('a small disk gets half of its room, less the dead letters, and that is said in numbers', (t) => {
  const directory = smallDisk(t, 600);
  const lines: string[] = [];
  const size = Number(sizeStream({ directory, asked: '', log: (line) => lines.push(line) }));
  assert.ok(size > 270 * mebibyte && size <= 273 * mebibyte, String(size));
  assert.deepEqual(lines, [
    `the stream EVENTS may grow to 273 MiB instead of 10.0 GiB: ${directory} has room for 600 MiB; ` +
      'STREAM_MAX_BYTES sets another size',
  ]);
});

test('what the stream holds already is part of its room', (t) => {
  const directory = smallDisk(t, 600);
  const before = Number(sizeStream({ directory, asked: undefined, log: () => undefined }));
  writeFileSync(join(directory, 'messages'), Buffer.alloc(300 * mebibyte));
  const after = Number(sizeStream({ directory, asked: undefined, log: () => undefined }));
  assert.ok(Math.abs(after - before) < mebibyte, `${before} and ${after}`);
});

test('a disk too small for anything is refused in one line with both numbers', (t) => {
  const directory = smallDisk(t, 100);
  assert.throws(() => sizeStream({ directory, asked: undefined, log: () => undefined }), {
    message:
      `${directory} has room for 100 MiB, at least 141 MiB are needed: ` +
      'make room, choose another directory with --data, or set STREAM_MAX_BYTES',
  });
});

test('a STREAM_MAX_BYTES that does not fit is refused with what would, which then is taken', (t) => {
  const directory = smallDisk(t, 100);
  const size = (asked: string) => sizeStream({ directory, asked, log: () => undefined });
  assert.throws(
    () => size('1e9'),
    /^Error: STREAM_MAX_BYTES=1e9 does not fit: .* has room for 100 MiB, with a tenth/,
  );
  const most = /that is (\d+) at most/.exec(messageOf(() => size('1e9')))?.[1] ?? '';
  assert.equal(size(most), most);
  // Whatever else is wrong with it, the services say together with their other settings.
  assert.equal(size('much'), 'much');
});

function smallDisk(t: { after: (clean: () => void) => void }, mebibytes: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
  const unmount = mountDisk(directory, { mebibytes });
  t.after(() => {
    unmount();
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function messageOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    return String(error);
  }
  return '';
}
