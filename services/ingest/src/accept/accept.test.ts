import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '@millrace/contracts/millrace/ingest/v1/ingest';
import { createLogger, MillraceError, systemClock, type Tracing } from '@millrace/runtime';
import type { Publication } from '@millrace/stores';
import { frameItem, readEnvelope } from '@millrace/wire';
import { knownInMemory } from '../dedup/known-events.ts';
import { createAccept } from './accept.ts';
import type { AcceptItem } from './pack.ts';

const tracing: Tracing = { enabled: false, start: () => undefined, close: async () => undefined };

function item(id: string, options: { key?: string; body?: string } = {}): AcceptItem {
  const fields = {
    event: Buffer.from(`event ${id}`),
    dedupKey: options.key === undefined ? '' : options.key.padEnd(16, '.'),
    bodyHash: (options.body ?? 'same').padEnd(8, '.'),
    eventId: id,
  };
  return { framed: frameItem(fields), ...fields };
}

/** An accept whose publications wait until the test lets them through. */
function harness(options: { shardCount?: number; nearlyFull?: boolean; maxPayloadBytes?: number } = {}) {
  const sent: (Publication & { store(): void; fail(error: Error): void })[] = [];
  const known = knownInMemory({ maxKeys: 100 });
  let messageIds = 0;
  const { accept } = createAccept({
    publisher: {
      publish: (publication) =>
        new Promise((resolve, reject) => {
          sent.push({ ...publication, store: () => resolve({ seq: sent.length }), fail: reject });
        }),
    },
    limits: { maxPayloadBytes: options.maxPayloadBytes ?? 8 * 1024 * 1024 },
    known,
    room: { nearlyFull: options.nearlyFull ?? false },
    shardCount: options.shardCount ?? 1,
    newMessageId: () => `message-${messageIds++}`,
    clock: systemClock,
    metrics: { published: () => undefined },
    tracing,
    log: createLogger({ service: 'test', level: 'silent' }),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { accept, sent, turn };
}

test('a call becomes one message, answered only after its acknowledgement', async () => {
  const { accept, sent, turn } = harness();
  let answered = false;
  const call = accept([item('a'), item('b', { key: 'k' })], []).then((result) => {
    answered = true;
    return result;
  });
  await turn();
  assert.equal(sent.length, 1);
  assert.equal(answered, false);
  assert.deepEqual(
    readEnvelope(Buffer.from(sent[0]?.payload ?? [])).items.map((one) => one.eventId),
    ['a', 'b'],
  );
  sent[0]?.store();
  assert.deepEqual([...(await call).outcomes], [Outcome.ACCEPTED, Outcome.ACCEPTED]);
});

test('a duplicate of a stored event answers the id of the original', async () => {
  const { accept, sent, turn } = harness();
  const first = accept([item('first', { key: 'k' })], []);
  await turn();
  sent[0]?.store();
  await first;
  const again = await accept([item('second', { key: 'k' })], []);
  assert.deepEqual([...again.outcomes], [Outcome.DUPLICATE]);
  assert.equal(again.originalEventIds[0], 'first');
  assert.equal(sent.length, 1);
});

test('another body under the same id is a conflict', async () => {
  const { accept, sent, turn } = harness();
  const first = accept([item('first', { key: 'k', body: 'one' })], []);
  await turn();
  sent[0]?.store();
  await first;
  assert.deepEqual(
    [...(await accept([item('second', { key: 'k', body: 'two' })], [])).outcomes],
    [Outcome.CONFLICT],
  );
});

test('a duplicate of an event in flight waits for it and shares its fate', async () => {
  const { accept, sent, turn } = harness();
  const first = accept([item('first', { key: 'k' })], []);
  const duplicate = accept([item('duplicate', { key: 'k' })], []);
  await turn();
  assert.equal(sent.length, 1);
  sent[0]?.store();
  assert.deepEqual([...(await first).outcomes], [Outcome.ACCEPTED]);
  assert.deepEqual([...(await duplicate).outcomes], [Outcome.DUPLICATE]);
});

test('when the original fails, the waiting one is not answered as stored', async () => {
  const { accept, sent, turn } = harness();
  const first = accept([item('first', { key: 'k' })], []);
  const duplicate = accept([item('duplicate', { key: 'k' })], []);
  await turn();
  sent[0]?.fail(new MillraceError('unavailable', 'away'));
  await assert.rejects(first, { code: 'unavailable' });
  assert.deepEqual([...(await duplicate).outcomes], [Outcome.UNAVAILABLE]);
  const retry = accept([item('retry', { key: 'k' })], []);
  await turn();
  assert.equal(sent.length, 2, 'a failed publish must not mark the key as known');
  sent[1]?.store();
  assert.deepEqual([...(await retry).outcomes], [Outcome.ACCEPTED]);
});

test('duplicates within one call are answered as duplicates', async () => {
  const { accept, sent, turn } = harness();
  const call = accept([item('a', { key: 'k' }), item('b', { key: 'k' })], []);
  await turn();
  sent[0]?.store();
  assert.deepEqual([...(await call).outcomes], [Outcome.ACCEPTED, Outcome.DUPLICATE]);
});

test('duplicates meet on the same shard, whoever publishes them', async () => {
  const subjects = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const { accept, sent, turn } = harness({ shardCount: 4 });
    const call = accept([item('x', { key: 'some-key' })], []);
    await turn();
    subjects.add(sent[0]?.subject ?? '');
    sent[0]?.store();
    await call;
  }
  assert.equal(subjects.size, 1);
});

test('a part that fails is unavailable; the stored part is accepted', async () => {
  const { accept, sent, turn } = harness({ shardCount: 4 });
  const items = Array.from({ length: 40 }, (_, i) =>
    item(`e${i}`, { key: `\u0000${String.fromCharCode(i)}key${i}` }),
  );
  const call = accept(items, []);
  await turn();
  assert.equal(sent.length, 4);
  sent[0]?.fail(new MillraceError('unavailable', 'away'));
  for (const message of sent.slice(1)) message.store();
  const outcomes = [...(await call).outcomes];
  assert.equal(outcomes.filter((outcome) => outcome === Outcome.UNAVAILABLE).length, 10);
  assert.equal(outcomes.filter((outcome) => outcome === Outcome.ACCEPTED).length, 30);
});

test('a nearly full stream refuses before publishing', async () => {
  const { accept, sent } = harness({ nearlyFull: true });
  await assert.rejects(accept([item('a')], []), { code: 'unavailable' });
  assert.equal(sent.length, 0);
});

test('a call above 4 MiB is cut into messages, and every one must be stored', async () => {
  const { accept, sent, turn } = harness();
  const large = { event: Buffer.alloc(1_500_000, 1), dedupKey: '', bodyHash: '........', eventId: 'large' };
  const call = accept(
    Array.from({ length: 4 }, () => ({ framed: frameItem(large), ...large })),
    [],
  );
  await turn();
  assert.equal(sent.length, 2);
  for (const message of sent) message.store();
  assert.deepEqual([...(await call).outcomes], [1, 1, 1, 1]);
});

test('what the server takes decides how a call is cut, and an event that fits no message is unavailable alone', async () => {
  const { accept, sent, turn } = harness({ maxPayloadBytes: 1024 * 1024 });
  const sized = (bytes: number) => {
    const fields = { event: Buffer.alloc(bytes, 1), dedupKey: '', bodyHash: '', eventId: 'x' };
    return { framed: frameItem(fields), ...fields };
  };
  const call = accept([sized(600_000), sized(600_000), sized(1024 * 1024)], []);
  await turn();
  assert.equal(sent.length, 2);
  for (const message of sent) message.store();
  assert.deepEqual([...(await call).outcomes], [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.UNAVAILABLE]);
  await assert.rejects(accept([sized(1024 * 1024)], []), {
    code: 'unavailable',
    message: /an event of \d+ bytes is larger than the event store is set up for \(1048576 bytes/,
  });
});

test('the trace contexts of many requests take little room', async () => {
  const { accept, sent, turn } = harness({ maxPayloadBytes: 1024 * 1024 });
  const call = accept(
    [item('a')],
    Array.from({ length: 20_000 }, () => 'x'.repeat(55)),
  );
  await turn();
  assert.ok((sent[0]?.payload.length ?? 0) < 8_192);
  sent[0]?.store();
  await call;
});
