import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { DeliveryCause, DeliveryStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import type { AttemptRow } from '@millrace/stores';
import { attemptRow, ATTEMPTED_AT_MS as T } from '../../test/attempts.ts';
import { createDeliveryWorld, type DeliveryWorld } from '../../test/delivery-world.ts';

const { PENDING, SENT, FAILED } = DeliveryStatus;

let world: DeliveryWorld;
before(async () => {
  world = await createDeliveryWorld();
  // Whether rows have collapsed must not matter.
  await world.client.command({ query: 'SYSTEM STOP MERGES webhook_attempts' });
});
after(() => world.close());
beforeEach(async () => {
  for (const table of ['webhook_attempts', 'events']) {
    await world.client.command({ query: `TRUNCATE TABLE ${table}` });
  }
});

/** One of an endpoint's deliveries: the n-th message brought its event, and it was attempted n seconds after T. */
function nth(n: number, given: Partial<AttemptRow> = {}): AttemptRow {
  const ids = { deliveryId: `dlv_${n}`, eventId: `event-${n}`, seq: n, receivedAtMs: T + n };
  return attemptRow({ ...ids, createdAtMs: T + n * 1_000, ...given });
}

const failing = { deliveryStatus: 'pending', httpStatus: 500, error: 'HTTP 500: oops' } as const;

async function all(request: Parameters<DeliveryWorld['list']>[1], workspaceId = 'w1'): Promise<string[]> {
  const ids: string[] = [];
  for (let pageToken = '', pages = 0; ; pages++) {
    assert.ok(pages < 100, 'pages without an end');
    const answer = await world.list(workspaceId, { endpointId: 'endpoint', ...request, pageToken });
    ids.push(...answer.deliveries.map(({ id }) => id));
    if (answer.nextPageToken === '') return ids;
    pageToken = answer.nextPageToken;
  }
}

const names = (...numbers: number[]) => numbers.map((n) => `dlv_${n}`);

test('a delivery as its newest attempt left it, with the payload of its own event', async () => {
  await world.store(
    { seq: 1, index: 0, eventId: 'event-1', receivedAtMs: T + 1, payload: '{"big":12345678901234567890}' },
    { seq: 7, index: 0, eventId: 'event-1', receivedAtMs: T + 9, payload: '"the id once more"' },
    { seq: 8, index: 0, eventId: 'event-1', receivedAtMs: T + 1, payload: '"another’s"', workspaceId: 'w2' },
  );
  await world.attempt(
    nth(1, { ...failing, nextAttemptAtMs: T + 3_000 }),
    nth(1, { attempt: 2, startedAtMs: T + 3_000, tookMs: 40, url: 'https://example.org/new' }),
    nth(2, { ...failing, nextAttemptAtMs: T + 5_000 }),
  );
  const { deliveries } = await world.list('w1', { endpointId: 'endpoint' });
  const [second = assert.fail('no delivery'), first = assert.fail('one delivery')] = deliveries;
  const { createdAt, processedAt, nextAttemptAt, payloadJson, ...rest } = first;
  assert.deepEqual(
    { ...rest, payload: Buffer.from(payloadJson).toString() },
    {
      ...{ $typeName: 'millrace.api.v1.Delivery', id: 'dlv_1', endpointId: 'endpoint', eventId: 'event-1' },
      ...{ url: 'https://example.org/new', event: 'kind', status: SENT, attemptCount: 2, lastError: '' },
      ...{ attempts: [], payload: '{"big":12345678901234567890}' },
    },
  );
  const ms = [createdAt, processedAt].map((at) => at && timestampMs(at));
  assert.deepEqual(ms, [T + 1_000, T + 3_040]);
  assert.equal(nextAttemptAt, undefined, 'the newest attempt has none');
  assert.equal(second.status, PENDING);
  assert.equal(second.lastError, 'HTTP 500: oops');
  assert.equal(second.processedAt, undefined);
  assert.equal(second.nextAttemptAt && timestampMs(second.nextAttemptAt), T + 5_000);
  assert.equal(second.payloadJson.length, 0, 'its event is gone');
});

test('every delivery once, newest first, page by page, whatever comes meanwhile; of others nothing', async () => {
  const numbers = Array.from({ length: 23 }, (_, i) => i + 1);
  await world.attempt(...numbers.map((n) => nth(n, { createdAtMs: T + Math.floor(n / 4) * 1_000 })));
  await world.attempt(nth(50, { workspaceId: 'w2' }), nth(51, { endpointId: 'other' }));
  const first = await world.list('w1', { endpointId: 'endpoint', pageSize: 5 });
  await world.attempt(nth(99), nth(3, { attempt: 2, createdAtMs: T, startedAtMs: T + 99_000 }));
  const ids = first.deliveries.map(({ id }) => id);
  for (let pageToken = first.nextPageToken; pageToken !== ''; ) {
    const answer = await world.list('w1', { endpointId: 'endpoint', pageSize: 5, pageToken });
    ids.push(...answer.deliveries.map(({ id }) => id));
    pageToken = answer.nextPageToken;
  }
  const expected = numbers.toSorted(
    (a, b) => Math.floor(b / 4) - Math.floor(a / 4) || (`${b}` > `${a}` ? 1 : -1),
  );
  assert.deepEqual(ids, names(...expected));
});

test('an attempt that was made again after a crash is one, and its delivery is listed once', async () => {
  const again = { createdAtMs: T + 90_000, startedAtMs: T + 90_000 };
  await world.attempt(nth(1, { ...failing, nextAttemptAtMs: T + 9_000 }), nth(2), nth(3));
  await world.attempt(nth(1, { ...again, response: Buffer.from('then') }), nth(2, again));
  for (const pageSize of [1, 2, 50]) assert.deepEqual(await all({ pageSize }), names(2, 1, 3));
  assert.deepEqual(await all({ status: SENT }), names(2, 1, 3));
  assert.deepEqual(await all({ status: PENDING }), []);
  const { delivery } = await world.get('w1', 'dlv_1');
  assert.equal(delivery?.attemptCount, 1);
  assert.deepEqual(
    delivery?.attempts.map(({ number, response }) => [number, Buffer.from(response).toString()]),
    [[1, 'then']],
  );
});

test('narrowed by status, type, event and time', async () => {
  await world.attempt(
    nth(1, failing),
    nth(1, { attempt: 2, startedAtMs: T + 60_000 }),
    nth(2, failing),
    nth(2, { ...failing, attempt: 2, deliveryStatus: 'failed', startedAtMs: T + 60_000 }),
    nth(3, { ...failing, eventType: 'other' }),
    nth(4),
  );
  assert.deepEqual(await all({ status: SENT }), names(4, 1));
  assert.deepEqual(await all({ status: FAILED }), names(2));
  assert.deepEqual(await all({ status: PENDING }), names(3));
  assert.deepEqual(await all({ status: SENT, pageSize: 1 }), names(4, 1));
  assert.deepEqual(await all({ event: 'other' }), names(3));
  assert.deepEqual(await all({ eventId: 'event-2' }), names(2));
  assert.deepEqual(
    await all({ from: timestampFromMs(T + 2_000), to: timestampFromMs(T + 4_000) }),
    names(3, 2),
  );
});

test('a status that few deliveries are in is found behind many that were', async () => {
  const many = Array.from({ length: 3_500 }, (_, i) => i + 10);
  await world.attempt(nth(1, failing), nth(2, failing));
  await world.attempt(...many.map((n) => nth(n, failing)));
  await world.attempt(...many.map((n) => nth(n, { attempt: 2, startedAtMs: T + 9_000_000 })));
  assert.deepEqual(await all({ status: PENDING }), names(2, 1));
});

test('a token is of use in its own list alone', async () => {
  await world.attempt(nth(1), nth(2), nth(1, { workspaceId: 'w2' }), nth(1, { endpointId: 'other' }));
  const { nextPageToken: pageToken } = await world.list('w1', { endpointId: 'endpoint', pageSize: 1 });
  assert.notEqual(pageToken, '');
  const refused = { code: 'invalid_argument', message: /^page_token: / };
  await assert.rejects(world.list('w2', { endpointId: 'endpoint', pageToken }), refused);
  await assert.rejects(world.list('w1', { endpointId: 'other', pageToken }), refused);
  for (const wrong of ['x', pageToken.slice(1), `${pageToken}=`, pageToken.slice(0, -1)]) {
    await assert.rejects(world.list('w1', { endpointId: 'endpoint', pageToken: wrong }), refused, wrong);
  }
});

test('payloads that are too large for one answer make shorter pages', async () => {
  const payload = JSON.stringify('x'.repeat(1_000_000));
  const numbers = Array.from({ length: 12 }, (_, i) => i + 1);
  for (const n of numbers) {
    await world.store({ seq: n, index: 0, eventId: `event-${n}`, receivedAtMs: T + n, payload });
  }
  await world.attempt(...numbers.map((n) => nth(n)));
  assert.deepEqual(await all({}), names(...numbers.toReversed()));
  const { deliveries } = await world.list('w1', { endpointId: 'endpoint' });
  assert.ok(deliveries.length < 12);
  assert.ok(deliveries.every(({ payloadJson }) => payloadJson.length === payload.length));
});

test('one delivery with its attempts, its event’s place, and every byte of the answers', async () => {
  const response = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256));
  await world.store({ seq: 5, index: 3, eventId: 'event-5', receivedAtMs: T + 5, payload: '{"a":1}' });
  await world.attempt(
    nth(5, { ...failing, index: 3, response, nextAttemptAtMs: T + 6_000 }),
    nth(5, { attempt: 2, index: 3, cause: 'resend', startedAtMs: T + 6_000 }),
  );
  const { delivery = assert.fail('no delivery'), seq, index } = await world.get('w1', 'dlv_5');
  assert.deepEqual([seq, index], [5n, 3]);
  assert.equal(Buffer.from(delivery.payloadJson).toString(), '{"a":1}');
  assert.deepEqual([delivery.status, delivery.attemptCount, delivery.lastError], [SENT, 2, '']);
  const [first, second] = delivery.attempts;
  assert.deepEqual(Buffer.from(first?.response ?? []), response);
  assert.deepEqual([first?.number, first?.status, first?.error], [1, 500, 'HTTP 500: oops']);
  assert.deepEqual([first?.cause, second?.cause], [DeliveryCause.EVENT, DeliveryCause.RESEND]);
  assert.deepEqual([first?.address, first?.took?.nanos], ['198.51.100.7:443', 25_000_000]);
  await assert.rejects(world.get('w2', 'dlv_5'), { code: 'not_found' });
  await assert.rejects(world.get('w1', 'dlv_6'), { code: 'not_found' });
});

test('of more than a hundred attempts the newest; a test brings its payload along', async () => {
  const attempts = Array.from({ length: 103 }, (_, i) => i + 1);
  await world.attempt(...attempts.map((attempt) => nth(1, { attempt, startedAtMs: T + attempt })));
  const test = {
    deliveryId: 'dlv_test',
    seq: 0,
    cause: 'test',
    payload: Buffer.from('{"test":true}'),
  } as const;
  await world.attempt(nth(2, test));
  const { delivery } = await world.get('w1', 'dlv_1');
  assert.deepEqual(
    [delivery?.attempts.length, delivery?.attempts[0]?.number, delivery?.attemptCount],
    [100, 4, 103],
  );
  const tested = await world.get('w1', 'dlv_test');
  assert.deepEqual(
    [tested.seq, Buffer.from(tested.delivery?.payloadJson ?? []).toString()],
    [0n, '{"test":true}'],
  );
  assert.deepEqual(await all({}), ['dlv_test', 'dlv_1']);
});

test('what can not be asked is named', async () => {
  const ask = (request: Parameters<DeliveryWorld['list']>[1]) =>
    world.list('w1', { endpointId: 'endpoint', ...request });
  await assert.rejects(world.list('', { endpointId: 'e' }), { message: /^workspace_id: / });
  await assert.rejects(world.list('w1', {}), { message: /^endpoint_id: / });
  await assert.rejects(ask({ pageSize: 201 }), { message: /^page_size: / });
  await assert.rejects(ask({ status: 9 as DeliveryStatus }), { message: /^status: / });
  await assert.rejects(ask({ event: 'x'.repeat(256) }), { message: /^event: / });
  await assert.rejects(world.get('w1', ''), { message: /^id: / });
});
