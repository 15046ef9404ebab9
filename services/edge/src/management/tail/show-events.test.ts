import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TailEnd } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { MillraceError } from '@millrace/runtime';
import { benchTails, type OpenTail, READER } from '../../../test/tail-bench.ts';
import type { Verdict } from '../../clients/credentials.ts';
import { createSharedEvents } from './shared-events.ts';
import { type EndReason, showEvents } from './show-events.ts';

const tails = benchTails();

describe('how it ends', () => {
  const endOf = async (tail: OpenTail) => {
    await tail.ended;
    const [, data = ''] = /event: end\ndata: (.*)\n\n$/.exec(tail.text()) ?? [];
    return JSON.parse(data || 'null');
  };

  test('slow_reader, as analytics says', async () => {
    const tail = await tails.open();
    tails.analytics.say({ ids: ['a'] });
    tails.analytics.say({ end: TailEnd.SLOW_READER, cursor: 'at-a' });
    assert.deepEqual(await endOf(tail), { reason: 'slow_reader', cursor: 'at-a' });
  });

  const changes: Record<string, [() => Verdict | Promise<Verdict>, string]> = {
    revoked: [() => ({ kind: 'refused', refusal: Refusal.REVOKED }), 'unauthenticated'],
    expired: [async () => ({ kind: 'refused', refusal: Refusal.EXPIRED }), 'unauthenticated'],
    demoted: [() => ({ ...READER, permissions: new Set(['events:write']) }), 'permission_denied'],
  };
  for (const [change, [later, reason]] of Object.entries(changes)) {
    test(`${reason} when its key is ${change}; analytics is left`, async () => {
      const tail = await tails.open();
      tails.analytics.say({ ids: ['a'] });
      await tail.until('at-a');
      tails.verdict = later;
      assert.deepEqual(await endOf(tail), { reason, cursor: 'at-a' });
    });
  }

  test('draining when the server goes down', async () => {
    const tail = await tails.open();
    tails.health.drain();
    assert.deepEqual(await endOf(tail), { reason: 'draining', cursor: 'begun' });
  });

  test('not while nobody can tell whether the key is good', async () => {
    let askedAgain = 0;
    const tail = await tails.open();
    tails.verdict = () => {
      askedAgain++;
      return Promise.reject(new MillraceError('unavailable', 'auth is away'));
    };
    while (askedAgain === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    tails.analytics.say({ ids: ['a'] });
    await tail.until('at-a');
  });

  /** Shows a workspace's events without pauses; answers the reasons with which that ended. */
  const endsOf = async (refusal: () => Promise<undefined>) => {
    const ends: EndReason[] = [];
    const shown = showEvents(
      { workspaceId: 'workspace-1', types: [], userId: '', after: '', last: 0 },
      {
        tail: { events: tails.events, shared: createSharedEvents(), health: tails.health },
        refusal,
        signal: new AbortController().signal,
        lookMs: 1,
        pauses: { firstMs: 1, longestMs: 1 },
      },
    );
    for await (const one of shown) if (one.kind === 'end') ends.push(one.reason);
    return ends;
  };

  test('unavailable when nobody can tell for long', async () => {
    let asked = 0;
    const ends = await endsOf(async () => {
      asked++;
      throw new MillraceError('unavailable', 'auth is away');
    });
    assert.deepEqual([ends, asked], [['unavailable'], 6]);
  });

  test('not when analytics goes away and comes back: it goes on after the last cursor', async () => {
    const tail = await tails.open('?last=3');
    tails.analytics.say({ ids: ['a', 'b'] });
    await tail.until('at-b');
    tails.analytics.fail(new MillraceError('unavailable', 'the connection is lost'));
    tails.analytics.say({ ids: ['c'] });
    await tail.until('at-c');
    tails.analytics.say({ end: TailEnd.DRAINING, cursor: 'at-c' });
    while (tails.analytics.asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    tails.analytics.say({ ids: ['d'] });
    await tail.until('at-d');
    assert.ok(!tail.text().includes('event: end'));
    assert.deepEqual(
      tails.analytics.asked.map(({ after, last }) => [after, last]),
      [
        ['', 3],
        ['at-b', 0],
        ['at-c', 0],
      ],
    );
  });

  const TRIES = 19;

  test('unavailable when it stays away', async () => {
    const ends = endsOf(async () => undefined);
    while (tails.analytics.open === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < TRIES; i++) tails.analytics.fail(new MillraceError('unavailable', 'away'));
    assert.deepEqual(await ends, ['unavailable']);
    assert.equal(tails.analytics.asked.length, TRIES);
  });

  test('unavailable when it goes away again each time as soon as it has begun', async () => {
    const ends = endsOf(async () => undefined);
    for (let tries = 1; tries <= TRIES; tries++) {
      while (tails.analytics.asked.length < tries || tails.analytics.open === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      tails.analytics.fail(new MillraceError('internal', 'broken'));
    }
    assert.deepEqual(await ends, ['unavailable']);
  });

  test('who leaves is left: analytics sends nothing more', async () => {
    const tail = await tails.open();
    await tail.until('begun');
    assert.equal(tails.analytics.open, 1);
    tail.leave();
    while (tails.analytics.open > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
