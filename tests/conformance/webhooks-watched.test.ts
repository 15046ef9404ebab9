import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, onEachTopology, type SignedIn } from '@millrace/testkit';
import { memberOf } from './support/assert-answer.ts';
import { newPerson } from './support/people.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { newPath, type WorkspaceWithHooks, workspaceWithHooks } from './support/workspace-with-hooks.ts';

const PATIENCE = { timeoutMs: 30_000 };

onEachTopology(
  'native: what a workspace is told of its webhooks',
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

    /** The receipt's deliveries, once they stand so, by their endpoints. */
    const deliveriesOf = (eventId: string, statuses: readonly string[]) =>
      eventually(async () => {
        const answer = await here.call(`GET /v1/events/${eventId}`);
        assert.equal(answer.status, 200, answer.text);
        assert.equal(memberOf(answer.json(), 'status'), 'stored', answer.text);
        const deliveries: unknown = memberOf(answer.json(), 'deliveries');
        assert.ok(Array.isArray(deliveries), answer.text);
        assert.deepEqual(deliveries.map(({ status }) => status).sort(), statuses.toSorted(), answer.text);
        return new Map(deliveries.map((one) => [one.endpointId, one]));
      }, PATIENCE);

    test('a receipt names each endpoint’s delivery, with its status and times: sent, failed, and pending while a retry waits', async () => {
      const [good, waiting, given] = [newPath(), newPath(), newPath()];
      receiver.answer(waiting, { status: 503 });
      receiver.answer(given, { status: 500 });
      const subscribe = (path: string, delays: readonly number[]) =>
        here.subscribe({ url: receiver.url + path, events: ['receipt.asked'], retryPolicy: { delays } });
      const [sent, pending, failed] = [
        await subscribe(good, []),
        await subscribe(waiting, [3_600]),
        await subscribe(given, [0]),
      ];
      const fromMs = Date.now();
      const eventId = await here.trigger('receipt.asked');
      const deliveries = await deliveriesOf(eventId, ['sent', 'pending', 'failed']);
      const expected = [
        { endpoint: sent, path: good, status: 'sent', attempts: 1, httpStatus: 200 },
        { endpoint: pending, path: waiting, status: 'pending', attempts: 1, httpStatus: 503 },
        { endpoint: failed, path: given, status: 'failed', attempts: 2, httpStatus: 500 },
      ];
      for (const { endpoint, path, status, attempts, httpStatus } of expected) {
        const [call] = await receiver.until(path, attempts);
        const { lastAttemptAt, ...rest } = deliveries.get(endpoint.id);
        assert.deepEqual(rest, {
          ...{ endpointId: endpoint.id, deliveryId: call?.headers['webhook-id'] },
          ...{ status, attempts, httpStatus },
        });
        const shown = await here.call(`GET /webhooks/deliveries/${rest.deliveryId}`);
        const log: unknown = memberOf(shown.json(), 'attemptLog');
        assert.ok(Array.isArray(log), shown.text);
        assert.equal(lastAttemptAt, log.at(-1).startedAt);
        assert.ok(Date.parse(lastAttemptAt) >= fromMs - 1, lastAttemptAt);
      }
    });

    test('an endpoint that answers 410: its owner is mailed, and an event tells of it', async () => {
      const [gone, watching] = [newPath(), newPath()];
      receiver.answer(`${gone}?key=secret`, { status: 410 });
      const url = receiver.url + gone;
      const endpoint = await here.subscribe({ url: `${url}?key=secret`, events: ['gone.asked'] });
      await here.subscribe({ url: receiver.url + watching, events: ['millrace.endpoint.*'] });
      const before = stack().mail.mails.filter(({ to }) => to === owner.email).length;
      await here.trigger('gone.asked');
      const [call] = await receiver.until(watching, 1);
      const { event, data } = JSON.parse(call?.body ?? '');
      assert.equal(event, 'millrace.endpoint.disabled');
      assert.deepEqual([data.endpointId, data.url, data.reason], [endpoint.id, url, 'gone']);
      const { subject, text } = await stack().mail.waitFor(owner.email, before);
      assert.equal(subject, 'A webhook of the workspace Hooks was disabled');
      assert.ok(text.includes(`  ${url}\n`), text);
      const shown = await here.call(`GET /webhooks/${endpoint.id}`);
      assert.deepEqual(
        [memberOf(shown.json(), 'isActive'), memberOf(shown.json(), 'disabledReason')],
        [false, 'gone'],
      );
    });
  },
  { mail: true, env: { WEBHOOK_ALLOW_PRIVATE: 'true', AUTH_RATE_LIMIT_PER_MINUTE: '0' } },
);
