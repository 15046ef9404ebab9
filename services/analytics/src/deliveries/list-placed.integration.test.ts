import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import type { PlacedDelivery } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { DeliveryStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import type { AttemptRow } from '@millrace/stores';
import { attemptRow, ATTEMPTED_AT_MS as T } from '../../test/attempts.ts';
import { createDeliveryWorld, type DeliveryWorld } from '../../test/delivery-world.ts';

const { PENDING, SENT, FAILED } = DeliveryStatus;

let world: DeliveryWorld;
before(async () => {
  world = await createDeliveryWorld();
  await world.client.command({ query: 'SYSTEM STOP MERGES webhook_attempts' });
});
after(() => world.close());
beforeEach(() => world.client.command({ query: 'TRUNCATE TABLE webhook_attempts' }));

function at(seq: number, index: number, given: Partial<AttemptRow> = {}): AttemptRow {
  const place = { seq, index, deliveryId: `dlv_${seq}_${index}`, eventId: `event-${seq}-${index}` };
  return attemptRow({ ...place, receivedAtMs: T + seq, createdAtMs: T + 1_000_000 - seq, ...given });
}

const failed = { deliveryStatus: 'failed', httpStatus: 500, error: 'HTTP 500' } as const;
const pending = { ...failed, deliveryStatus: 'pending' } as const;

/** All of an endpoint, a page after the other until one isn't full. */
async function readAll(question: { status?: DeliveryStatus; pageSize: number; receivedFromMs?: number }) {
  const read: PlacedDelivery[] = [];
  for (let after = {}; ; ) {
    const { receivedFromMs, ...rest } = question;
    const { deliveries } = await world.placed({
      ...{ workspaceId: 'w1', endpointId: 'endpoint', ...rest, ...after },
      ...(receivedFromMs === undefined ? {} : { receivedFrom: timestampFromMs(receivedFromMs) }),
    });
    read.push(...deliveries);
    const last = deliveries.at(-1);
    if (deliveries.length < question.pageSize || last === undefined) return read;
    after = { afterSeq: last.seq, afterIndex: last.index };
  }
}

const idsOf = (deliveries: readonly PlacedDelivery[]) => deliveries.map(({ id }) => id);

test('every delivery once in the order of the stream, as its newest attempt left it; tests and others’ are not there', async () => {
  await world.attempt(
    at(3, 1, { ...pending, nextAttemptAtMs: T + 5 }),
    at(3, 0, { ...pending, nextAttemptAtMs: T + 5 }),
    at(9_000_000, 0),
    at(1, 4),
  );
  await world.attempt(
    at(3, 0, { attempt: 2, startedAtMs: T + 2_000_000 }),
    // The first attempt made again after a crash.
    at(1, 4, { ...failed, createdAtMs: T + 3_000_000, startedAtMs: T + 3_000_000 }),
    at(0, 0, { cause: 'test' }),
    at(2, 0, { workspaceId: 'w2' }),
    at(2, 0, { endpointId: 'other' }),
  );
  const expected = ['dlv_1_4', 'dlv_3_0', 'dlv_3_1', 'dlv_9000000_0'];
  for (const pageSize of [1, 2, 3, 4, 100]) assert.deepEqual(idsOf(await readAll({ pageSize })), expected);
  const [first, second, third] = await readAll({ pageSize: 100 });
  assert.deepEqual([first?.status, first?.attemptCount, first?.eventId], [FAILED, 1, 'event-1-4']);
  assert.deepEqual([second?.status, second?.attemptCount, second?.nextAttemptAt], [SENT, 2, undefined]);
  assert.deepEqual([third?.status, third?.seq, third?.index], [PENDING, 3n, 1]);
  assert.equal(third?.nextAttemptAt && timestampMs(third.nextAttemptAt), T + 5);
  assert.equal(third?.createdAt && timestampMs(third.createdAt), T + 1_000_000 - 3);
});

test('narrowed by status and arrival, however few there are among many', async () => {
  const many = Array.from({ length: 9_000 }, (_, i) => i + 1);
  await world.attempt(...many.map((seq) => at(seq, 0, pending)));
  await world.attempt(
    ...many.map((seq) =>
      at(seq, 0, { attempt: 2, startedAtMs: T + 5_000_000, ...(seq % 3_000 ? {} : failed) }),
    ),
  );
  // Failed, and sent when somebody asked for it again.
  const resent = many.filter((seq) => seq > 10 && seq < 30);
  await world.attempt(
    ...resent.map((seq) => at(seq, 0, { ...failed, attempt: 3, startedAtMs: T + 6_000_000 })),
    ...resent.map((seq) => at(seq, 0, { cause: 'resend', attempt: 4, startedAtMs: T + 7_000_000 })),
  );
  const few = ['dlv_3000_0', 'dlv_6000_0', 'dlv_9000_0'];
  for (const pageSize of [1, 2, 3, 100]) {
    assert.deepEqual(idsOf(await readAll({ status: FAILED, pageSize })), few);
  }
  assert.deepEqual(await readAll({ status: PENDING, pageSize: 100 }), []);
  assert.deepEqual(
    idsOf(await readAll({ status: FAILED, pageSize: 2, receivedFromMs: T + 6_000 })),
    few.slice(1),
  );
  assert.equal((await readAll({ status: SENT, pageSize: 1_000 })).length, 8_997);
});

test('what can not be asked is named', async () => {
  const question = { workspaceId: 'w1', endpointId: 'endpoint' };
  await assert.rejects(world.placed({ endpointId: 'e' }), { message: /^workspace_id: / });
  await assert.rejects(world.placed({ workspaceId: 'w1' }), { message: /^endpoint_id: / });
  await assert.rejects(world.placed({ ...question, pageSize: 10_001 }), { message: /^page_size: / });
  await assert.rejects(world.placed({ ...question, status: 9 as DeliveryStatus }), { message: /^status: / });
});
