import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createKnownKeys } from './known-keys.ts';

const key = (n: number) => createHash('md5').update(String(n)).digest();

test('knows at least half and at most all of its capacity, the newest', () => {
  const known = createKnownKeys({ capacity: 1_000 });
  for (let n = 0; n < 10_000; n++) known.add(key(n), 0, n);
  for (let n = 9_500; n < 10_000; n++) assert.ok(known.has(key(n), 0), `key ${n}`);
  for (let n = 0; n < 9_000; n++) assert.ok(!known.has(key(n), 0), `key ${n}`);
});

test('a key may begin anywhere in a message', () => {
  const known = createKnownKeys({ capacity: 10 });
  const message = Buffer.concat([Buffer.from('abc'), key(1)]);
  known.add(message, 3, 0);
  assert.ok(known.has(key(1), 0));
  assert.ok(!known.has(message, 0));
});

test('covers nothing before it is loaded, all of a window that was loaded whole, and less once keys are dropped', () => {
  const known = createKnownKeys({ capacity: 100 });
  assert.equal(known.covers(0), false);
  known.load(key(1), true, 1_000);
  assert.equal(known.covers(0), true);
  for (let n = 0; n < 200; n++) known.add(key(n), 0, 2_000 + n);
  assert.equal(known.covers(0), false);
  assert.equal(known.covers(3_000), true);
});

test('what was loaded in part covers only what came later', () => {
  const known = createKnownKeys({ capacity: 100 });
  known.load(Buffer.concat([key(3), key(2), key(1)]), false, 1_000);
  assert.equal(known.covers(999), false);
  assert.equal(known.covers(1_001), true);
  assert.ok(known.has(key(1), 0));
  known.clear();
  assert.equal(known.covers(1_001), false);
  assert.ok(!known.has(key(1), 0));
});
