import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { onEachTopology, type SignedIn } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { httpCall } from './support/http-call.ts';
import { newPerson } from './support/people.ts';
import { type ReceivedCall, type Receiver, startReceiver } from './support/receiver.ts';
import { newPath, type WorkspaceWithHooks, workspaceWithHooks } from './support/workspace-with-hooks.ts';

/** The header fields that the document lists, and those of Standard Webhooks. */
const DOCUMENTED = ['Content-Type', 'User-Agent', 'X-Webhook-Event', 'X-Webhook-ID', 'X-Webhook-Attempt'];
const STANDARD = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
/** What HTTP itself needs. */
const FRAMING = ['host', 'connection', 'content-length'];

onEachTopology(
  '002 chatbot: webhook calls',
  (stack) => {
    let receiver: Receiver;
    let owner: SignedIn;
    let here: WorkspaceWithHooks;
    before(async () => {
      receiver = await startReceiver();
      owner = await newPerson(stack());
      here = await workspaceWithHooks(stack(), owner);
    });
    after(() => receiver.close());

    test('an event is posted with the documented headers and body, its data byte for byte', async () => {
      const path = newPath();
      const endpoint = await here.subscribe({ url: receiver.url + path, events: ['message.received'] });
      const data = '{"content": "Hello! 👋",  "big":12345678901234567890, "f":1.10}';
      const triggered = await httpCall(`${stack().connection.url}/webhooks/trigger`, {
        headers: { authorization: `Bearer ${here.session}`, 'content-type': 'application/json' },
        body: `{"event":"message.received","data":${data}}`,
      });
      const eventId = textAt(triggered.json(), 'id');
      const [call = assert.fail()] = await receiver.until(path, 1);
      assert.equal(call.method, 'POST');
      const body = JSON.parse(call.body);
      assert.deepEqual(Object.keys(body), ['event', 'timestamp', 'data']);
      assert.match(body.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const text = `{"event":"message.received","timestamp":"${body.timestamp}","data":${data}}`;
      assert.equal(call.body, text);
      const names = call.headerNames.filter((name) => !FRAMING.includes(name.toLowerCase()));
      assert.deepEqual(names.sort(), [...DOCUMENTED, ...STANDARD].sort());
      assert.equal(call.headers['content-type'], 'application/json');
      assert.equal(call.headers['user-agent'], 'ChatbotSaaS-Webhook/1.0');
      assert.equal(call.headers['x-webhook-event'], 'message.received');
      assert.equal(call.headers['x-webhook-attempt'], '1');
      assert.match(String(call.headers['x-webhook-id']), /^dlv_[A-Za-z0-9_-]{22}$/);
      assert.equal(call.headers['x-webhook-id'], call.headers['webhook-id']);
      assert.deepEqual(signaturesOf(call), [signatureBy(endpoint.secret, call)]);
      const sent = await here.delivery(endpoint.id, eventId, 'SENT');
      assert.equal(sent['id'], call.headers['x-webhook-id']);
      const { text: shown } = await here.call(`GET /webhooks/deliveries/${sent['id']}`);
      assert.ok(shown.includes(`"payload":${data},`), shown);
      assert.deepEqual(
        [
          sent['url'],
          sent['event'],
          sent['eventId'],
          sent['endpointId'],
          sent['attempts'],
          sent['lastError'],
        ],
        [receiver.url + path, 'message.received', eventId, endpoint.id, 1, null],
      );
      assert.ok(sent['createdAt'] !== null && sent['processedAt'] !== null);
    });

    test('three attempts with one id, no sooner than documented, then FAILED', async () => {
      const path = newPath();
      receiver.answer(
        path,
        { status: 500, body: 'first' },
        { status: 302, body: '' },
        { status: 500, body: 'oops' },
      );
      const endpoint = await here.subscribe({ url: receiver.url + path, events: ['message.sent'] });
      const eventId = await here.trigger('message.sent');
      const failed = await here.delivery(endpoint.id, eventId, 'FAILED');
      assert.deepEqual(
        [failed['attempts'], failed['lastError'], failed['nextAttemptAt']],
        [3, 'HTTP 500: oops', null],
      );
      const calls = await receiver.until(path, 3);
      assert.deepEqual(
        calls.map(({ headers }) => headers['x-webhook-attempt']),
        ['1', '2', '3'],
      );
      assert.equal(new Set(calls.map(({ headers }) => headers['x-webhook-id'])).size, 1);
      assert.equal(new Set(calls.map(({ body }) => body)).size, 1);
      const one = await here.call(`GET /webhooks/deliveries/${failed['id']}`);
      const log = memberOf(one.json(), 'attemptLog');
      assert.ok(Array.isArray(log));
      assert.deepEqual(
        log.map(({ number, status, response, cause }) => [number, status, response, cause]),
        [
          [1, 500, 'first', 'event'],
          [2, 302, '', 'event'],
          [3, 500, 'oops', 'event'],
        ],
      );
      const [first, second, third] = log.map(({ startedAt }) => Date.parse(startedAt));
      // A millisecond is lost where times are cut.
      assert.ok((second ?? 0) - (first ?? 0) >= 999, JSON.stringify(log));
      assert.ok((third ?? 0) - (second ?? 0) >= 1_999, JSON.stringify(log));
      assert.equal(textAt(log[0], 'address').split(':')[0], '127.0.0.1');
    });

    test('events of every API go where they match by type and by filter, and nowhere else', async () => {
      const [gold, all, none] = [newPath(), newPath(), newPath()];
      const kind = `kind${randomUUID().slice(0, 8)}`;
      const filter = { field: 'payload.plan', eq: 'gold' };
      await here.subscribe({ url: receiver.url + gold, events: [`${kind}.*`], filter });
      await here.subscribe({ url: receiver.url + all, events: [`${kind}.a`, `${kind}.b`] });
      await here.subscribe({ url: receiver.url + none, events: ['*'], isActive: false });
      const events = [
        { type: `${kind}.a`, payload: { plan: 'free' } },
        { type: `${kind}.b`, payload: { plan: 'gold' } },
        { type: `${kind}.c`, payload: { plan: 'gold' } },
        { type: `${kind}x.a`, payload: { plan: 'gold' } },
      ];
      assert.equal((await here.call('POST /v1/ingest', events)).status, 202);
      const typesAt = async (path: string, count: number) =>
        (await receiver.until(path, count)).map(({ headers }) => headers['x-webhook-event']).sort();
      assert.deepEqual(await typesAt(gold, 2), [`${kind}.b`, `${kind}.c`]);
      assert.deepEqual(await typesAt(all, 2), [`${kind}.a`, `${kind}.b`]);
      // Behind it comes one that all of them would get: nothing else is on its way.
      await here.trigger(`${kind}.b`, { plan: 'gold' });
      assert.equal((await receiver.until(gold, 3)).length, 3);
      assert.equal((await receiver.until(all, 3)).length, 3);
      assert.equal((await receiver.until(none, 0)).length, 0);
    });

    test('one event of two workspaces with the same names goes to each its own', async () => {
      const there = await workspaceWithHooks(stack(), owner);
      const [mine, theirs] = [newPath(), newPath()];
      await here.subscribe({ url: receiver.url + mine, events: ['same.name'] });
      await there.subscribe({ url: receiver.url + theirs, events: ['same.name'] });
      await Promise.all([
        here.trigger('same.name', { of: 'here' }),
        there.trigger('same.name', { of: 'there' }),
      ]);
      const [calls, others] = [await receiver.until(mine, 1), await receiver.until(theirs, 1)];
      assert.deepEqual(
        [calls, others].map((came) => came.map(({ body }) => JSON.parse(body).data)),
        [[{ of: 'here' }], [{ of: 'there' }]],
      );
    });

    test('an Idempotency-Key: a retry is delivered once', async () => {
      const path = newPath();
      await here.subscribe({ url: receiver.url + path, events: ['once', 'after'] });
      const key = { 'idempotency-key': randomUUID() };
      const ids = [];
      for (let i = 0; i < 3; i++) {
        const answer = await httpCall(`${stack().connection.url}/webhooks/trigger`, {
          headers: { authorization: `Bearer ${here.session}`, 'content-type': 'application/json', ...key },
          body: '{"event":"once","data":{}}',
        });
        assert.equal(answer.status, 202, answer.text);
        ids.push(textAt(answer.json(), 'id'));
      }
      assert.equal(new Set(ids).size, 1);
      await here.trigger('after');
      const calls = await receiver.until(path, 2);
      assert.deepEqual(calls.map(({ headers }) => headers['x-webhook-event']).sort(), ['after', 'once']);
    });

    test('a secret that is replaced signs for a day beside the new one', async () => {
      const path = newPath();
      const endpoint = await here.subscribe({ url: receiver.url + path, events: ['rotated'] });
      const rotated = await here.call(`POST /webhooks/${endpoint.id}/rotate-secret`);
      assert.equal(rotated.status, 200, rotated.text);
      const secret = textAt(rotated.json(), 'secret');
      await here.trigger('rotated');
      const [call = assert.fail()] = await receiver.until(path, 1);
      const expected = [signatureBy(secret, call), signatureBy(endpoint.secret, call)];
      assert.deepEqual(signaturesOf(call).sort(), expected.sort());
    });

    test('a test, a resend, a recovery and a replay reach the receiver, with the delivery’s own id', async () => {
      const path = newPath();
      receiver.answer(path, { status: 500, body: 'no' });
      const endpoint = await here.subscribe({
        url: receiver.url + path,
        events: ['again'],
        retryPolicy: { delays: [] },
      });
      const since = new Date(Date.now() - 60_000).toISOString();
      const tested = await here.call(`POST /webhooks/${endpoint.id}/test`);
      assert.deepEqual(
        [
          memberOf(tested.json(), 'status'),
          memberOf(tested.json(), 'lastError'),
          memberOf(tested.json(), 'event'),
        ],
        ['FAILED', 'HTTP 500: no', 'millrace.test'],
      );
      const [eventId, other] = [await here.trigger('again'), await here.trigger('again')];
      const failed = await here.delivery(endpoint.id, eventId, 'FAILED');
      const otherId = (await here.delivery(endpoint.id, other, 'FAILED'))['id'];
      receiver.answer(path, { status: 204 });
      const resent = await here.call(`POST /webhooks/deliveries/${failed['id']}/resend`);
      assert.equal(resent.status, 202, resent.text);
      await here.delivery(endpoint.id, eventId, 'SENT');
      const recovered = await here.call(`POST /webhooks/${endpoint.id}/recover`, { since });
      assert.equal(recovered.status, 202, recovered.text);
      await here.delivery(endpoint.id, other, 'SENT');
      await here.untilReplayed(endpoint.id, textAt(recovered.json(), 'id'));
      const before = (await receiver.until(path, 5)).length;
      const replayed = await here.call(`POST /webhooks/${endpoint.id}/replay`, { since });
      const done = await here.untilReplayed(endpoint.id, textAt(replayed.json(), 'id'));
      assert.deepEqual([done['attempted'], done['failed'], done['progress']], [2, 0, 1]);
      const calls = (await receiver.until(path, before + 2)).slice(before);
      const ids = calls.map(({ headers }) => headers['x-webhook-id']);
      assert.deepEqual(ids.sort(), [failed['id'], otherId].sort());
    });
  },
  { mail: true, env: { WEBHOOK_ALLOW_PRIVATE: 'true', AUTH_RATE_LIMIT_PER_MINUTE: '0' } },
);

function signaturesOf({ headers }: ReceivedCall): string[] {
  return String(headers['webhook-signature']).split(' ');
}

/** As Standard Webhooks has it. */
function signatureBy(secret: string, { headers, body }: ReceivedCall): string {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}
