import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { NamedRetryPolicy, RetryPolicySchema } from '@millrace/contracts/millrace/api/v1/webhook';
import { createRandom } from '../../test/random.ts';
import { nextAttempt, type RetrySchedule, readRetryPolicy } from './retry-schedule.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const now = Date.UTC(2026, 0, 2);

/** The waits of a delivery whose every attempt fails, until it is given up. */
function waitsOf(schedule: RetrySchedule, random: () => number, retryAfterMs?: number): number[] {
  const waits: number[] = [];
  for (let number = 1; ; number++) {
    const next = nextAttempt(schedule, { number, endedAtMs: now, retryAfterMs }, random);
    if (next.kind === 'given_up') return waits;
    waits.push(next.atMs - now);
  }
}

const middle = () => 0.5;
const standard: RetrySchedule = { kind: 'standard' };
const standardMs = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000].map((seconds) => seconds * SECOND_MS);

test('fast: three attempts in all, a second and two seconds apart, whatever random says', () => {
  for (const random of [() => 0, middle, () => 1 - Number.EPSILON])
    assert.deepEqual(waitsOf({ kind: 'fast' }, random), [1_000, 2_000]);
});

test('standard: eight attempts within some 28 hours', () => {
  const waits = waitsOf(standard, middle);
  assert.deepEqual(waits, standardMs);
  const hours = waits.reduce((sum, ms) => sum + ms, 0) / HOUR_MS;
  assert.ok(hours > 27 && hours < 29, `${hours} h`);
});

test('standard: each wait is up to a tenth shorter or longer', () => {
  assert.deepEqual(
    waitsOf(standard, () => 0),
    standardMs.map((ms) => ms * 0.9),
  );
  const random = createRandom(3);
  for (let round = 0; round < 1_000; round++) {
    for (const [i, wait] of waitsOf(standard, random.fraction).entries()) {
      const ms = standardMs[i] ?? 0;
      assert.ok(wait >= ms * 0.9 && wait <= ms * 1.1, `${wait} of ${ms}`);
    }
  }
});

test('custom: the given waits, exactly; none for a single attempt', () => {
  const delaysMs = [0, 1, 24 * HOUR_MS];
  assert.deepEqual(
    waitsOf({ kind: 'custom', delaysMs }, () => 0),
    delaysMs,
  );
  assert.deepEqual(waitsOf({ kind: 'custom', delaysMs: [] }, middle), []);
});

test('a target that asks to be left alone is, never shorter than the schedule says, nor longer than 24 hours', () => {
  const fast: RetrySchedule = { kind: 'fast' };
  assert.deepEqual(waitsOf(fast, middle, 0), [1_000, 2_000]);
  assert.deepEqual(waitsOf(fast, middle, 1_500), [1_500, 2_000]);
  assert.deepEqual(waitsOf(fast, middle, 8.64e15), [24 * HOUR_MS, 24 * HOUR_MS]);
  assert.deepEqual(waitsOf(standard, middle, HOUR_MS), [HOUR_MS, HOUR_MS, HOUR_MS, ...standardMs.slice(3)]);
});

test('asking adds no attempts', () => {
  for (const schedule of [{ kind: 'fast' }, standard, { kind: 'custom', delaysMs: [] }] as const)
    assert.equal(waitsOf(schedule, middle, HOUR_MS).length, waitsOf(schedule, middle).length);
});

type Policy = MessageInitShape<typeof RetryPolicySchema>;
const readPolicy = (policy: Policy | undefined) =>
  readRetryPolicy(policy && create(RetryPolicySchema, policy));
const custom = (...delays: { seconds?: bigint; nanos?: number }[]): Policy => ({
  schedule: { case: 'custom', value: { delays } },
});

test('a policy that says nothing is fast', () => {
  const named = (value: NamedRetryPolicy): Policy => ({ schedule: { case: 'named', value } });
  assert.deepEqual(readPolicy(undefined), { kind: 'fast' });
  assert.deepEqual(readPolicy({}), { kind: 'fast' });
  assert.deepEqual(readPolicy(named(NamedRetryPolicy.UNSPECIFIED)), { kind: 'fast' });
  assert.deepEqual(readPolicy(named(NamedRetryPolicy.FAST)), { kind: 'fast' });
  assert.deepEqual(readPolicy(named(NamedRetryPolicy.STANDARD)), { kind: 'standard' });
});

test('waits of one’s own are read in milliseconds, what is beyond them is cut', () => {
  const policy = custom({ seconds: 90n }, { nanos: 1_999_999 }, {}, { seconds: 86_400n });
  assert.deepEqual(readPolicy(policy), { kind: 'custom', delaysMs: [90_000, 1, 0, 86_400_000] });
  assert.deepEqual(readPolicy(custom()), { kind: 'custom', delaysMs: [] });
  const most = custom(...Array(20).fill({ seconds: 1n }));
  assert.equal(waitsOf(readPolicy(most), middle).length, 20);
});

const tooLong = 'must be 0 to 24 hours';
const refused: [what: string, policy: Policy, field: string, issue: string][] = [
  ['a negative wait', custom({}, { seconds: -1n }), 'custom.delays[1]', tooLong],
  ['a wait a nanosecond below nothing', custom({ nanos: -1 }), 'custom.delays[0]', tooLong],
  ['a wait over 24 hours', custom({ seconds: 86_400n, nanos: 1 }), 'custom.delays[0]', tooLong],
  ['the longest wait there is', custom({ seconds: 2n ** 63n - 1n }), 'custom.delays[0]', tooLong],
  [
    'nanoseconds that are seconds',
    custom({ nanos: 1_000_000_000 }),
    'custom.delays[0]',
    'must have less than 1000000000 nanoseconds',
  ],
  ['21 waits', custom(...Array(21).fill({})), 'custom.delays', 'at most 20'],
  [
    'a name that isn’t known',
    { schedule: { case: 'named', value: 99 as NamedRetryPolicy } },
    'named',
    'is not known',
  ],
];

for (const [what, policy, field, issue] of refused) {
  test(`${what} is refused, and the place named`, () => {
    assert.throws(() => readPolicy(policy), {
      code: 'invalid_argument',
      message: `retry_policy.${field}: ${issue}`,
    });
  });
}
