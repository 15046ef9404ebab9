import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRequest, userOfEvent } from './event-template.ts';
import type { EventIds, LoadSpec } from './generator.ts';

interface Event {
  eventType: string;
  userId: string;
  sessionId: string;
  eventId?: string;
}

function requestOf(options: { batchSize: number; ids: EventIds; firstEvent: number; variant?: number }) {
  const spec: LoadSpec = {
    port: 8080,
    path: '/api/v1/events',
    headers: { 'content-type': 'application/json', 'x-api-key': 'key' },
    connections: 1,
    warmUpMs: 0,
    end: { kind: 'time', measureMs: 0 },
    ...options,
  };
  const request = buildRequest(spec, options.variant ?? 0);
  request.renumber(options.firstEvent);
  const [head = '', body = ''] = request.bytes.toString().split('\r\n\r\n');
  return { head, body };
}

test('a request is a complete HTTP request with the length of its body', () => {
  const { head, body } = requestOf({ batchSize: 1, ids: { kind: 'unique' }, firstEvent: 7 });
  assert.match(head, /^POST \/api\/v1\/events HTTP\/1\.1\r\nhost: 127\.0\.0\.1:8080\r\n/);
  assert.match(head, /x-api-key: key/);
  assert.equal(Number(/content-length: (\d+)/.exec(head)?.[1]), Buffer.byteLength(body));
});

test('a single event is a JSON object of about 500 bytes with its own id', () => {
  const { body } = requestOf({ batchSize: 1, ids: { kind: 'unique' }, firstEvent: 123_456_789 });
  const event: Event = JSON.parse(body);
  assert.equal(event.eventId, 'evt_000123456789');
  assert.ok(body.length > 450 && body.length < 560, `${body.length} bytes`);
});

test('every event of a batch has an id, user and session of its own', () => {
  const { body } = requestOf({ batchSize: 100, ids: { kind: 'unique' }, firstEvent: 4_200 });
  const { events }: { events: Event[] } = JSON.parse(body);
  const numbers = events.map(({ eventId }) => Number(eventId?.slice('evt_'.length)));
  assert.deepEqual(
    numbers,
    Array.from({ length: 100 }, (_, i) => 4_200 + i),
  );
  assert.equal(new Set(events.map(({ userId }) => userId)).size, 100);
  assert.equal(new Set(events.map(({ sessionId }) => sessionId)).size, 100);
});

test('ids can be left out or come again', () => {
  const without: Event = JSON.parse(requestOf({ batchSize: 1, ids: { kind: 'none' }, firstEvent: 5 }).body);
  assert.equal(without.eventId, undefined);
  const again: Event = JSON.parse(
    requestOf({ batchSize: 1, ids: { kind: 'cycle', size: 100 }, firstEvent: 205 }).body,
  );
  assert.equal(again.eventId, 'evt_000000000005');
});

test('an event’s user is known by its number', () => {
  const { body } = requestOf({ batchSize: 100, ids: { kind: 'unique' }, firstEvent: 99_950 });
  const { events }: { events: Event[] } = JSON.parse(body);
  assert.deepEqual(
    events.map(({ userId }) => userId),
    events.map((_, i) => userOfEvent(99_950 + i)),
  );
});
