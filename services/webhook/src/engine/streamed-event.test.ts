import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeEvent } from '@millrace/wire';
import { StreamedEvent } from './streamed-event.ts';

const event = (
  fields: Partial<Parameters<typeof encodeEvent>[0]>,
  key = '',
  traceparents?: readonly string[],
) =>
  new StreamedEvent(
    { seq: 1, index: 0 },
    'w',
    Buffer.from(
      encodeEvent(
        {
          ...{ workspaceId: 'w', eventId: 'e', eventType: 't', dialect: 'native', source: '', userId: '' },
          ...{ sessionId: '', occurredAtMs: 0, receivedAtMs: 0, priority: 1, labels: [], payload: '{}' },
          ...{ metadata: '{}', traceId: '' },
          ...fields,
        },
        key,
      ),
    ),
    traceparents,
  );

test('the body has the payload byte for byte, and is JSON whatever the type', () => {
  const payload = '{ "n" : 1e400, "big":123456789012345678901234567, "s":"\\u00e9" }';
  const { body } = event({ eventType: 'a"b\\c', payload, occurredAtMs: 1_700_000_000_123 });
  assert.equal(
    body.toString(),
    `{"event":"a\\"b\\\\c","timestamp":"2023-11-14T22:13:20.123Z","data":${payload}}`,
  );
});

test('an event without a payload has null for data, and a time beyond those that can be stored the last of them', () => {
  const { body } = event({ payload: '', occurredAtMs: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(JSON.parse(body.toString()), {
    event: 't',
    timestamp: '2299-12-31T23:59:59.999Z',
    data: null,
  });
});

test('a delivery’s id is of the endpoint and the event’s identity, wherever the event stands', () => {
  const key = 'k'.repeat(16);
  const [one, again] = [event({ eventId: 'a' }, key), event({ eventId: 'a', payload: '1' }, key)];
  assert.match(one.deliveryId('endpoint'), /^dlv_[A-Za-z0-9_-]{22}$/);
  assert.equal(one.deliveryId('endpoint'), again.deliveryId('endpoint'));
  assert.notEqual(one.deliveryId('endpoint'), one.deliveryId('another'));
  // The same id under two scopes is two events.
  assert.notEqual(one.deliveryId('endpoint'), event({ eventId: 'a' }, 'l'.repeat(16)).deliveryId('endpoint'));
  assert.notEqual(event({ eventId: 'a' }).deliveryId('x'), event({ eventId: 'b' }).deliveryId('x'));
});

test('of the requests that a message came from, an event goes on with the trace of its own', () => {
  const [ours, anothers] = ['a'.repeat(32), 'b'.repeat(32)];
  const parent = (traceId: string) => `00-${traceId}-${'c'.repeat(16)}-01`;
  const parentOf = (traceId: string, ...traceparents: string[]) =>
    event({ traceId }, '', traceparents).traceparent;
  assert.equal(parentOf(ours, parent(anothers), parent(ours)), parent(ours));
  assert.equal(parentOf(ours, parent(anothers)), undefined);
  assert.equal(parentOf('', parent(anothers), 'no traceparent'), undefined);
  assert.equal(event({ traceId: ours }).traceparent, undefined);
});
