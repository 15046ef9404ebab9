import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '@millrace/runtime';
import { behind } from '@millrace/wire';
import type { EndpointRecord } from '../endpoints/endpoint-record.ts';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import { createByteBudget } from './byte-budget.ts';
import { Lane } from './lane.ts';

const record: EndpointRecord = {
  ...{ id: 'e', workspaceId: 'w', events: ['*'], description: '', rateLimit: 0, maxInFlight: 1 },
  ...{ ordered: false, retryPolicy: { kind: 'fast' }, createdAtMs: 1, updatedAtMs: 1, fromSeq: 0 },
  target: {
    kind: 'http',
    url: 'https://example.com/broken',
    headers: {},
    signature: 'hmac-sha256',
    secrets: [{ sealed: '', createdAtMs: 1 }],
  },
};
const live = (changes: Partial<EndpointRecord> = {}): LiveEndpoint => ({
  ...{ id: record.id, workspaceId: record.workspaceId, events: record.events },
  record: { ...record, ...changes },
  accepts: () => true,
  signingKeys: () => [],
});

function brokenLane(): Lane {
  const lane = new Lane({
    ...{ endpoint: live(), fromSeq: 0, position: behind(0), failingSinceMs: 0, known: undefined },
    ...{ budget: createByteBudget(1_000), lease: { valid: true }, clock: systemClock, random: () => 0 },
  });
  for (let i = 0; i < 10; i++) lane.breaker.end(lane.breaker.begin(), 'failed');
  assert.equal(lane.breaker.isOpen, true);
  return lane;
}

const mends: [what: string, changes: Partial<EndpointRecord>][] = [
  ['made active again', { activatedAtMs: 2 }],
  ['sent elsewhere', { target: { ...record.target, kind: 'nats', queue: 'q' } }],
];
for (const [what, changes] of mends) {
  test(`an endpoint that fails and is ${what} is tried at once`, () => {
    const lane = brokenLane();
    lane.endpoint = live(changes);
    assert.equal(lane.breaker.isOpen, false);
  });
}

test('another change of it leaves it paused', () => {
  const lane = brokenLane();
  lane.endpoint = live({ description: 'another', updatedAtMs: 2 });
  assert.equal(lane.breaker.isOpen, true);
});
