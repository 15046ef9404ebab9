import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderTable, type TableLine } from './table.ts';

const line: TableLine = {
  fault: 'kill-edge',
  topology: 'split',
  redis: true,
  rounds: 3,
  sent: 10,
  accepted: 9,
  unknown: 1,
  rows: 10,
  lost: 0,
  doubled: 0,
  longestMs: 1_234,
  outageMs: 900,
  recoveryMs: undefined,
  drainMs: 80,
  calls: { all: 300, repeated: 2 },
  problems: [],
  verdict: 'ok',
};

test('every line of the table is as wide as the others', () => {
  const lines = renderTable([line, { ...line, fault: 'kill-something-longer' }]).split('\n');
  assert.deepEqual(new Set(lines.map(({ length }) => length)).size, 1);
  assert.match(lines[2] ?? '', /kill-edge +\| split +\| yes +\| 3 +\| 10 .*\| 1\.2 .*\| 2 of 300 +\| ok/);
});

test('a line that failed says why', () => {
  const failed = { ...line, verdict: 'FAILED', problems: ['2 accepted events lost'] } as const;
  assert.match(renderTable([failed]), /kill-edge \(split, with Redis\): 2 accepted events lost/);
});

test('a mutant that survived fails', () => {
  assert.match(renderTable([{ ...line, verdict: 'SURVIVED' }]), /the planted bug was not noticed/);
});
