import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableJson } from './table-json.ts';

const LINES = '["a","b\\n"]\n["String","UInt8"]\n["x\\n\u{1f600}", 1]\n["", 2]\n["z", 3]\n';
const TABLE = {
  columns: [
    { name: 'a', type: 'String' },
    { name: 'b\n', type: 'UInt8' },
  ],
  rows: [
    ['x\n\u{1f600}', 1],
    ['', 2],
    ['z', 3],
  ],
};

async function* cut(bytes: Buffer, size: number) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function read(bytes: Buffer, size: number): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  for await (const part of tableJson(cut(bytes, size))) parts.push(part);
  return parts;
}

test('the table is the same wherever the bytes are cut', async () => {
  const bytes = Buffer.from(LINES);
  for (let size = 1; size <= bytes.length; size++) {
    assert.deepEqual(JSON.parse(Buffer.concat(await read(bytes, size)).toString()), TABLE, `${size}`);
  }
});

test('no rows are an empty list', async () => {
  const bytes = Buffer.from('["a"]\n["String"]\n');
  assert.equal(
    Buffer.concat(await read(bytes, 4)).toString(),
    '{"columns":[{"name":"a","type":"String"}],"rows":[]}',
  );
});

test('a long value is not gathered: no part is larger than what came, but for a comma a row', async () => {
  const bytes = Buffer.from(`["a"]\n["String"]\n["${'x'.repeat(5_000_000)}"]\n["y"]\n`);
  const parts = await read(bytes, 65_536);
  assert.ok(Math.max(...parts.map(({ length }) => length)) <= 65_540);
  assert.equal(JSON.parse(Buffer.concat(parts).toString()).rows[0][0].length, 5_000_000);
});
