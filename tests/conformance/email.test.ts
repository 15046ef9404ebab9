import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { onStandalone } from '@millrace/testkit';
import { assertJson, memberOf, textAt } from './support/assert-answer.ts';
import { example, exampleJson } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';
import { runScript } from './support/run-script.ts';
import { countSettled, storedEvent } from './support/stored-events.ts';

const EVENT_TIME_MS = 1703123456789;

onStandalone('004 email: events', (stack) => {
  const send = (body: string, { path = '/email', key = stack().connection.credentials.emailApiKey } = {}) =>
    httpCall(`${stack().connection.url}${path}`, {
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body,
    });
  const sendBatch = (events: readonly object[]) => send(JSON.stringify(events), { path: '/email/batch' });
  const viewRows = (hash: string) =>
    stack().inspector.rows(
      `SELECT email_hash, domain, labels, toUnixTimestamp64Milli(event_time) AS event_time,
         toUnixTimestamp64Milli(received_at) AS received_at, metadata
       FROM analytics.email_events WHERE email_hash = {hash:String}`,
      { hash },
    );

  test('200: the documented event answers the documented body, then the documented duplicate', async () => {
    const hash = hashOf('unique-email-id-123', 'sender-domain.com');
    const documented = { ...Object(exampleJson('email/success.json')), event_id: hash };
    assertJson(await send(example('email/event.json')), 200, documented);
    for (let i = 0; i < 3; i++) {
      assertJson(await send(example('email/event.json')), 200, exampleJson('email/duplicate.json'));
    }
    const row = await storedEvent(stack(), { eventId: hash });
    assert.equal(row.dialect, 'email');
    assert.equal(row.workspaceId, stack().connection.workspaceId);
    assert.deepEqual(row.labels, ['inbox', 'important']);
    assert.equal(row.occurredAtMs, EVENT_TIME_MS);
    assert.deepEqual(JSON.parse(row.metadata), memberOf(exampleJson('email/event.json'), 'metadata'));
    assert.equal(await countSettled(stack(), { eventId: hash }), 1);
  });

  test('the view analytics.email_events has what the document stores', async () => {
    const [emailId, domain] = [randomUUID(), 'view.example'];
    const metadata = '{"n":9007199254740993, "spaced" : true}';
    const receivedAtMs = EVENT_TIME_MS - 60_000;
    await send(
      `{"email_id":"${emailId}","domain":"${domain}","labels":["a","ü"],"event_time":${EVENT_TIME_MS},"received_at":${receivedAtMs},"metadata":${metadata}}`,
    );
    const hash = hashOf(emailId, domain);
    await storedEvent(stack(), { eventId: hash });
    assert.deepEqual(await viewRows(hash), [
      {
        email_hash: hash,
        domain,
        labels: ['a', 'ü'],
        event_time: String(EVENT_TIME_MS),
        received_at: String(receivedAtMs),
        metadata,
      },
    ]);
  });

  test('200: only the required fields; both times default to now', async () => {
    const emailId = randomUUID();
    const sentAtMs = Date.now();
    const answer = await send(JSON.stringify({ email_id: emailId, domain: 'a' }));
    const hash = hashOf(emailId, 'a');
    assertJson(answer, 200, { status: 'success', type: 'email', event_id: hash });
    await storedEvent(stack(), { eventId: hash });
    const [row] = await viewRows(hash);
    for (const column of ['event_time', 'received_at']) {
      const ms = Number(row?.[column]);
      assert.ok(ms >= sentAtMs && ms <= Date.now(), `${column}: ${ms}`);
    }
    assert.equal(row?.['event_time'], row?.['received_at'], 'the clock was read more than once');
    assert.deepEqual([row?.['labels'], row?.['metadata']], [[], '{}']);
  });

  test('200: the same e-mail at another time is another event; the hash is case-sensitive', async () => {
    const emailId = randomUUID();
    const at = (event_time: number, email_id: string = emailId) =>
      send(JSON.stringify({ email_id, domain: 'b', event_time }));
    for (const ms of [1, 2]) assert.equal(textAt((await at(ms)).json(), 'event_id'), hashOf(emailId, 'b'));
    const upper = await at(1, emailId.toUpperCase());
    assert.equal(textAt(upper.json(), 'event_id'), hashOf(emailId.toUpperCase(), 'b'));
    assert.equal(await countSettled(stack(), { eventId: hashOf(emailId, 'b') }), 2);
  });

  test('200: hash and time alone make a duplicate, whatever else differs', async () => {
    const event = { email_id: randomUUID(), domain: 'c', event_time: 5 };
    await send(JSON.stringify({ ...event, labels: ['x'] }));
    assertJson(
      await send(JSON.stringify({ ...event, labels: ['y'] })),
      200,
      exampleJson('email/duplicate.json'),
    );
  });

  test('the e-mail id itself is stored nowhere', async () => {
    const emailId = `canary-${randomUUID()}`;
    await send(JSON.stringify({ email_id: emailId, domain: 'd', metadata: { kept: 1 } }));
    const hash = hashOf(emailId, 'd');
    await storedEvent(stack(), { eventId: hash });
    const rows = await stack().inspector.rows('SELECT * FROM events WHERE event_id = {hash:String}', {
      hash,
    });
    assert.equal(rows.length, 1);
    assert.ok(!JSON.stringify(rows).includes(emailId));
  });

  describe('batches', () => {
    test('200: the documented batch answers the documented body', async () => {
      const documented = Object(exampleJson('email/batch-success.json'));
      const hashes = [hashOf('email-1', 'domain1.com'), hashOf('email-2', 'domain2.com')];
      const results = hashes.map((email_hash) => ({ status: 'success', type: 'email', email_hash }));
      assertJson(await send(example('email/batch.json'), { path: '/email/batch' }), 200, {
        ...documented,
        results,
      });
      for (const [i, hash] of hashes.entries()) {
        const row = await storedEvent(stack(), { eventId: hash });
        assert.deepEqual([row.labels, row.occurredAtMs], [[['inbox'], ['spam']][i], EVENT_TIME_MS + i]);
      }
    });

    test('200: a duplicate is an item with the duplicate message and the hash, and is processed', async () => {
      const event = { email_id: randomUUID(), domain: 'e', event_time: 9 };
      const email_hash = hashOf(event.email_id, 'e');
      const duplicate = { status: 'success', message: 'Duplicate event ignored', email_hash };
      const accepted = { status: 'success', type: 'email', email_hash };
      const expected = (results: readonly object[]) => ({
        status: 'success',
        batch: true,
        processed: 2,
        results,
      });
      assertJson(await sendBatch([event, event]), 200, expected([accepted, duplicate]));
      assertJson(await sendBatch([event, event]), 200, expected([duplicate, duplicate]));
      assert.equal(await countSettled(stack(), { eventId: email_hash }), 1);
    });

    test('200: an empty batch is valid', async () => {
      assertJson(await sendBatch([]), 200, { status: 'success', batch: true, processed: 0, results: [] });
    });

    test('200: 100 events are a batch', async () => {
      const events = Array.from({ length: 100 }, () => ({
        email_id: randomUUID(),
        domain: 'hundred.example',
      }));
      const answer = await sendBatch(events);
      assert.equal(memberOf(answer.json(), 'processed'), 100, answer.text);
    });
  });

  test('200: a workspace key with events:write is as good as EMAIL_API_KEY', async () => {
    const key = stack().connection.credentials.apiKey;
    const answer = await send(JSON.stringify({ email_id: randomUUID(), domain: 'f' }), { key });
    assert.equal(answer.status, 200, answer.text);
  });

  test('the documented fetch call works with its base URL and key replaced', async () => {
    const { url, credentials } = stack().connection;
    const code = example('email/usage.js.txt').replace('http://basket.databuddy.cc', url);
    const answer = await runScript({
      language: 'node',
      code: `${code}\nconsole.log(await response.text());`,
      env: { EMAIL_API_KEY: credentials.emailApiKey },
    });
    const hash = hashOf('email-123', 'example.com');
    assert.deepEqual(JSON.parse(answer), { status: 'success', type: 'email', event_id: hash });
    await storedEvent(stack(), { eventId: hash });
  });
});

function hashOf(emailId: string, domain: string): string {
  return createHash('sha256').update(`${emailId}:${domain}`).digest('hex');
}
