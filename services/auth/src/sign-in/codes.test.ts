import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFixedClock } from '@millrace/testkit';
import { createCodesInMemory } from './codes.ts';

const MINUTE_MS = 60_000;

test('a code is good for ten minutes', async () => {
  const clock = createFixedClock(0);
  const codes = createCodesInMemory({ clock });
  await codes.put('address', 'hash');
  clock.advance(10 * MINUTE_MS - 1);
  assert.equal(await codes.takeTry('address'), 'hash');
  clock.advance(1);
  assert.equal(await codes.takeTry('address'), undefined);
  assert.equal(await codes.consume('address', 'hash'), false);
});

test('an address may ask again when the oldest of three requests is fifteen minutes old', async () => {
  const clock = createFixedClock(0);
  const codes = createCodesInMemory({ clock });
  for (const hash of ['a', 'b', 'c']) {
    await codes.put('address', hash);
    clock.advance(MINUTE_MS);
  }
  assert.deepEqual(await codes.put('address', 'd'), { kind: 'limited', retryAfterMs: 12 * MINUTE_MS });
  clock.advance(12 * MINUTE_MS - 1);
  assert.deepEqual(await codes.put('address', 'd'), { kind: 'limited', retryAfterMs: 1 });
  clock.advance(1);
  assert.deepEqual(await codes.put('address', 'd'), { kind: 'kept' });
  assert.deepEqual(await codes.put('address', 'e'), { kind: 'limited', retryAfterMs: MINUTE_MS });
});

test('more addresses than there is room for are unavailable until old ones have lapsed', async () => {
  const clock = createFixedClock(0);
  const codes = createCodesInMemory({ clock, maxAddresses: 2 });
  await codes.put('one', 'hash');
  clock.advance(MINUTE_MS);
  await codes.put('two', 'hash');
  await assert.rejects(codes.put('three', 'hash'), { code: 'unavailable' });
  assert.deepEqual(await codes.put('two', 'other'), { kind: 'kept' });
  clock.advance(14 * MINUTE_MS);
  assert.deepEqual(await codes.put('three', 'hash'), { kind: 'kept' });
  await assert.rejects(codes.put('one', 'hash'), { code: 'unavailable' });
});
