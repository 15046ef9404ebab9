import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { onEachTopology } from '@millrace/testkit';
import { assertJson, memberOf, textAt } from './support/assert-answer.ts';
import { example, exampleJson } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';
import { countSettled, findEvents, storedEvent } from './support/stored-events.ts';

const GENERATED_ID = /^evt_[0-9a-f]{32}$/;

onEachTopology('003 analytics: events', (stack) => {
  const send = (body: string, { path = '/api/v1/events', headers = {} } = {}) =>
    httpCall(`${stack().connection.url}${path}`, {
      headers: {
        'content-type': 'application/json',
        'x-api-key': stack().connection.credentials.apiKey,
        ...headers,
      },
      body,
    });
  const sendBatch = (events: readonly object[]) =>
    send(JSON.stringify({ events }), { path: '/api/v1/events/batch' });

  test('202, then 200: the documented event answers both documented bodies and is stored once', async () => {
    const eventId = 'evt_optional_custom_id';
    const sentAtMs = Date.now();
    assertJson(
      await send(example('analytics/event.json')),
      202,
      withEventId('analytics/accepted.json', eventId),
    );
    for (let i = 0; i < 3; i++) {
      const answer = await send(example('analytics/event.json'));
      assertJson(answer, 200, withEventId('analytics/duplicate.json', eventId));
    }
    const { receivedAtMs, ...row } = await storedEvent(stack(), { eventId });
    assert.deepEqual(row, {
      workspaceId: stack().connection.workspaceId,
      eventId,
      eventType: 'user_signup',
      dialect: 'analytics',
      source: '',
      userId: 'user_abc123',
      sessionId: 'session_xyz789',
      occurredAtMs: Date.parse('2024-01-30T12:34:56Z'),
      priority: 1,
      labels: [],
      payload: '{\n    "referrer": "google.com",\n    "browser": "Chrome"\n  }',
      metadata: '{\n    "source": "web",\n    "campaign": "summer_promo"\n  }',
      traceId: '',
    });
    assert.ok(receivedAtMs >= sentAtMs && receivedAtMs <= Date.now());
    assert.equal(await countSettled(stack(), { eventId }), 1);
  });

  test('202: without an eventId one is made, and the same event twice is two events', async () => {
    const event = JSON.stringify(newEvent({ eventType: 'generated.id' }));
    const ids = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const answer = await send(event);
      const eventId = textAt(answer.json(), 'data', 'eventId');
      assert.match(eventId, GENERATED_ID);
      assertJson(answer, 202, withEventId('analytics/accepted.json', eventId));
      ids.add(eventId);
    }
    assert.equal(ids.size, 2);
    assert.equal(await countSettled(stack(), { eventType: 'generated.id' }), 2);
  });

  test('202: priority, times of any offset and large integers are kept as they came', async () => {
    const eventId = randomUUID();
    const payload =
      '{"n":9007199254740993,"deep":{"n":12345678901234567890},"f":1.50,"e":1E2,"s":"\\u00e9é"}';
    const metadata = '{ "n" : 18446744073709551615 }';
    const body = `{"eventType":"kept","userId":"u","sessionId":"s","timestamp":"2024-01-30T14:34:56.789+02:00","payload":${payload},"metadata":${metadata},"priority":10,"eventId":"${eventId}"}`;
    assert.equal((await send(body)).status, 202);
    const row = await storedEvent(stack(), { eventId });
    assert.equal(row.payload, payload);
    assert.equal(row.metadata, metadata);
    assert.equal(row.priority, 10);
    assert.equal(row.occurredAtMs, Date.parse('2024-01-30T12:34:56.789Z'));
  });

  test('202: unknown fields are dropped', async () => {
    const eventId = randomUUID();
    const event = {
      ...newEvent({ eventId }),
      workspaceId: 'another',
      workspace_id: 'another',
      surprise: [1],
    };
    assert.equal((await send(JSON.stringify(event))).status, 202);
    const row = await storedEvent(stack(), { eventId });
    assert.equal(row.workspaceId, stack().connection.workspaceId);
    assert.deepEqual([row.payload, row.metadata], ['{}', '{}']);
  });

  test('202: the trace of the request is kept with the event', async () => {
    const eventId = randomUUID();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    await send(JSON.stringify(newEvent({ eventId })), { headers });
    assert.equal((await storedEvent(stack(), { eventId })).traceId, traceId);
  });

  test('X-Request-Id is echoed, and made where there is none', async () => {
    const event = JSON.stringify(newEvent({}));
    const headers = { 'x-request-id': 'caller-1' };
    assert.equal((await send(event, { headers })).headers['x-request-id'], 'caller-1');
    assert.match(String((await send(event)).headers['x-request-id']), /^[0-9a-f-]{36}$/);
  });

  test('200: the same eventId with another body is answered as a duplicate and not stored', async () => {
    const eventId = randomUUID();
    assert.equal((await send(JSON.stringify(newEvent({ eventId, userId: 'first' })))).status, 202);
    const answer = await send(JSON.stringify(newEvent({ eventId, userId: 'second' })));
    assertJson(answer, 200, withEventId('analytics/duplicate.json', eventId));
    assert.equal(await countSettled(stack(), { eventId }), 1);
    assert.equal((await storedEvent(stack(), { eventId })).userId, 'first');
  });

  describe('batches', () => {
    test('202: the documented batch answers the documented body', async () => {
      const answer = await send(example('analytics/batch.json'), { path: '/api/v1/events/batch' });
      const eventIds = memberOf(answer.json(), 'data', 'eventIds');
      assert.ok(Array.isArray(eventIds) && eventIds.length === 2);
      const documented = exampleJson('analytics/batch-accepted.json');
      assertJson(answer, 202, {
        ...Object(documented),
        data: { ...Object(memberOf(documented, 'data')), eventIds },
      });
      const rows = await Promise.all(eventIds.map((id) => storedEvent(stack(), { eventId: String(id) })));
      const stored = rows.map((row) => [row.eventType, row.userId, row.sessionId, row.occurredAtMs]);
      assert.deepEqual(stored, [
        ['page_view', 'user_1', 'session_1', Date.parse('2024-01-30T12:34:56Z')],
        ['click', 'user_2', 'session_2', Date.parse('2024-01-30T12:35:00Z')],
      ]);
    });

    test('202: duplicates are counted and left out of eventIds, those within the batch too', async () => {
      const [known, fresh, twice] = [randomUUID(), randomUUID(), randomUUID()];
      await send(JSON.stringify(newEvent({ eventId: known })));
      const answer = await sendBatch([known, fresh, twice, twice].map((eventId) => newEvent({ eventId })));
      assertJson(answer, 202, {
        success: true,
        data: {
          accepted: 2,
          duplicates: 2,
          total: 4,
          eventIds: [fresh, twice],
          message: 'Batch processed successfully',
        },
      });
      for (const eventId of [known, fresh, twice]) assert.equal(await countSettled(stack(), { eventId }), 1);
    });

    test('202: a batch sent again says that all were duplicates', async () => {
      const events = [randomUUID(), randomUUID()].map((eventId) => newEvent({ eventId }));
      await sendBatch(events);
      assertJson(await sendBatch(events), 202, {
        success: true,
        data: { accepted: 0, duplicates: 2, total: 2, eventIds: [], message: 'All events were duplicates' },
      });
    });

    test('202: 1000 events are one batch, stored in full', async () => {
      const events = Array.from({ length: 1000 }, () => newEvent({ eventType: 'thousand' }));
      const answer = await sendBatch(events);
      assert.equal(answer.status, 202, answer.text);
      assert.equal(memberOf(answer.json(), 'data', 'accepted'), 1000);
      assert.equal(await countSettled(stack(), { eventType: 'thousand' }), 1000);
      const ids = (await findEvents(stack(), { eventType: 'thousand' })).map((row) => row.eventId);
      assert.deepEqual(ids, memberOf(answer.json(), 'data', 'eventIds'));
    });
  });

  test('200: the statistics have the documented shape and count what is stored', async () => {
    const before = await countSettled(stack());
    await sendBatch([newEvent({}), newEvent({})]);
    assert.equal(await countSettled(stack()), before + 2);
    const { url, credentials, workspaceId } = stack().connection;
    const headers = { 'x-api-key': credentials.apiKey };
    const askedAtMs = Date.now();
    const answer = await httpCall(`${url}/api/v1/events/stats`, { method: 'GET', headers });
    const answeredAtMs = Date.now();
    const [row] = await stack().inspector.rows(
      'SELECT toUInt32(count()) AS n FROM events WHERE workspace_id = {workspaceId:String}',
      { workspaceId },
    );
    const rate = memberOf(answer.json(), 'data', 'ingestionRate');
    const timestamp = textAt(answer.json(), 'data', 'timestamp');
    const data = { ingestionRate: rate, totalIngested: row?.['n'], timestamp };
    assertJson(answer, 200, { success: true, data });
    assert.deepEqual(
      Object.keys(data),
      Object.keys(Object(memberOf(exampleJson('analytics/stats.json'), 'data'))),
    );
    assert.ok(typeof rate === 'number' && rate > 0, `events a second: ${rate}`);
    assert.ok(Date.parse(timestamp) >= askedAtMs && Date.parse(timestamp) <= answeredAtMs, timestamp);
  });
});

function newEvent(over: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const timestamp = new Date().toISOString();
  return { eventType: 'page_view', userId: 'user_1', sessionId: 'session_1', timestamp, ...over };
}

/** A documented answer with this id in place of its own. */
function withEventId(file: string, eventId: string): unknown {
  const documented = exampleJson(file);
  return { ...Object(documented), data: { ...Object(memberOf(documented, 'data')), eventId } };
}
