import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { PlacedEvent } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import {
  createDeliveryWorld,
  type DeliveryWorld,
  eventBytes,
  type PlacedFields,
} from '../../test/delivery-world.ts';

type Question = Omit<Parameters<DeliveryWorld['stored']>[0], '$typeName' | 'workspaceId'>;

let world: DeliveryWorld;
before(async () => {
  world = await createDeliveryWorld();
});
after(() => world.close());
beforeEach(() => world.client.command({ query: 'TRUNCATE TABLE events' }));

/** All that a question reads, page by page. */
async function readAll(question: Question, workspaceId = 'w1'): Promise<PlacedEvent[]> {
  const read: PlacedEvent[] = [];
  for (let after = {}; ; ) {
    const { events, more } = await world.stored({ workspaceId, ...question, ...after });
    read.push(...events);
    const last = events.at(-1);
    if (!more) return read;
    assert.ok(last, 'more, and nothing yet');
    after = { afterSeq: last.seq, afterIndex: last.index };
  }
}

const placesOf = (events: readonly PlacedEvent[]) => events.map(({ seq, index }) => `${seq}.${index}`);

function assertSame(read: readonly PlacedEvent[], stored: readonly PlacedFields[]): void {
  assert.deepEqual(
    placesOf(read),
    stored.map(({ seq, index }) => `${seq}.${index}`),
  );
  for (const [i, { event }] of read.entries()) {
    const accepted = eventBytes(stored[i] ?? assert.fail('one too many'));
    assert.ok(accepted.equals(event), `the event at ${stored[i]?.seq} differs`);
  }
}

test('every event as it was accepted, in the order of the stream, page by page, nothing twice', async () => {
  // As they stand in the stream: many messages, some of several events, gaps of others’ messages, and not in the order of arrival.
  const events = Array.from({ length: 2_500 }, (_, i): PlacedFields => {
    const seq = 10 + Math.floor(i / 3) * (i % 1_000 > 500 ? 40 : 1);
    return {
      ...{ seq: seq + (i > 1_500 ? 100_000 : 0), index: i % 3, eventId: `e${i}`, workspaceId: 'w1' },
      ...{
        payload: `{"n":${i},"big":1234567890123456789012,"é":"😀"}`,
        metadata: i % 2 ? '' : `{"i": ${i}}`,
      },
      ...{ receivedAtMs: 1_790_000_000_000 + ((i * 7_919) % 2_500), labels: i % 5 ? [] : ['a', ''] },
      ...{
        source: i % 4 ? '' : 'https://example.org',
        userId: i % 3 ? '' : 'ü',
        sessionId: 's',
        priority: 10,
      },
      ...{
        occurredAtMs: -5,
        dedupKey: i % 2 ? '' : '\x00123456789abcde\xff',
        traceId: i % 7 ? '' : 'f'.repeat(32),
      },
    };
  }).toSorted((a, b) => a.seq - b.seq || a.index - b.index);
  const unique = events.filter(
    ({ seq, index }, i) => seq !== events[i - 1]?.seq || index !== events[i - 1]?.index,
  );
  assert.ok(unique.length > 2_000);
  await world.store(...unique.filter((_, i) => i % 3 === 0));
  await world.store(...unique.filter((_, i) => i % 3 !== 0));
  await world.store(...unique.map((event) => ({ ...event, workspaceId: 'w2', index: event.index + 10 })));
  assertSame(await readAll({}), unique);
  assertSame(
    await readAll({ maxEvents: 7, toSeq: 60n }),
    unique.filter(({ seq }) => seq <= 60),
  );
  assertSame(
    await readAll({ maxBytes: 2_000, toSeq: 60n }),
    unique.filter(({ seq }) => seq <= 60),
  );
  const from = 1_790_000_000_000 + 1_250;
  assertSame(
    await readAll({ receivedFrom: timestampFromMs(from) }),
    unique.filter(({ receivedAtMs = 0 }) => receivedAtMs >= from),
  );
  const third = unique[2] ?? assert.fail('no third');
  const behind = await world.stored({
    workspaceId: 'w1',
    afterSeq: BigInt(third.seq),
    afterIndex: third.index,
  });
  assertSame(behind.events, unique.slice(3, 1_003));
  const behindMessage = await world.stored({
    workspaceId: 'w1',
    afterSeq: BigInt(third.seq),
    afterIndex: 2 ** 32 - 1,
  });
  assert.ok(behindMessage.events.every(({ seq }) => seq > third.seq));
});

test('a page ends with the event that goes above its bytes, however large that is', async () => {
  const payload = JSON.stringify('x'.repeat(900_000));
  const events = Array.from({ length: 11 }, (_, i): PlacedFields => ({ seq: i + 1, index: 0, payload }));
  for (const event of events) await world.store(event);
  const first = await world.stored({ workspaceId: 'w1' });
  assert.deepEqual([first.events.length, first.more], [5, true]);
  const least = await world.stored({ workspaceId: 'w1', maxBytes: 1 });
  assert.deepEqual([least.events.length, least.more], [1, true]);
  assertSame(await readAll({}), events);
});

test('events far apart are found, and where nothing is, nothing', async () => {
  const events = [1, 5_000, 400_000, 90_000_000].map((seq): PlacedFields => ({ seq, index: 0 }));
  await world.store(...events);
  assertSame(await readAll({ maxEvents: 1 }), events);
  assert.deepEqual(await readAll({ toSeq: 399_999n }, 'w1').then(placesOf), ['1.0', '5000.0']);
  assert.deepEqual(await readAll({}, 'w2'), []);
  assert.deepEqual(await readAll({ afterSeq: 90_000_000n }), []);
});

test('payloads are bytes: what is no UTF-8 comes back as it was', async () => {
  await world.client.command({
    query: `INSERT INTO events (workspace_id, event_id, payload, metadata, _seq, _month, received_at)
      VALUES ('w1', 'odd', unhex('22FF0022'), unhex('80'), 3, 202611, now64(3))`,
  });

  const [placed = assert.fail('no event')] = await readAll({});
  const { payload, metadata } = fromBinary(EventSchema, placed.event);
  assert.deepEqual(
    [Buffer.from(payload).toString('hex'), Buffer.from(metadata).toString('hex')],
    ['22ff0022', '80'],
  );
});

test('what can not be asked is named', async () => {
  await assert.rejects(world.stored({ workspaceId: '' }), { message: /^workspace_id: / });
  await assert.rejects(world.stored({ workspaceId: 'w1', maxEvents: 1_001 }), { message: /^max_events: / });
  await assert.rejects(world.stored({ workspaceId: 'w1', maxBytes: 2 ** 31 }), { message: /^max_bytes: / });
});
