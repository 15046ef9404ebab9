import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { timestampDate, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { DeliveryStatus, WebhookService } from '@millrace/contracts/millrace/api/v1/webhook';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { newPerson } from './support/people.ts';
import { type Receiver, startReceiver } from './support/receiver.ts';
import { restRefusal, rpcRefusal, TRANSPORTS } from './support/rpc-parity.ts';
import { newPath, type WorkspaceWithHooks, workspaceWithHooks } from './support/workspace-with-hooks.ts';

onEachTopology(
  'WebhookService and REST are the same',
  (stack) => {
    let receiver: Receiver;
    let workspace: WorkspaceWithHooks;
    before(async () => {
      receiver = await startReceiver();
      workspace = await workspaceWithHooks(stack(), await newPerson(stack()));
    });
    after(() => receiver.close());

    const options = () => ({ headers: { authorization: `Bearer ${workspace.session}` } });

    for (const [protocol, transportTo] of Object.entries(TRANSPORTS)) {
      const client = () => createClient(WebhookService, transportTo(stack().connection.url));

      test(`${protocol}: what one makes the other shows, and delivers`, async () => {
        const path = newPath();
        const target = { case: 'http', value: { url: receiver.url + path } } as const;
        const wish = {
          target,
          events: ['by.rpc'],
          retryPolicy: { schedule: { case: 'custom', value: {} } },
        } as const;
        const made = await client().createEndpoint(
          { endpoint: { ...wish, events: [...wish.events] } },
          options(),
        );
        const { id = '', active } = made.endpoint ?? {};
        assert.equal(active, true, 'active unless it is told otherwise');
        assert.match(made.secret, /^whsec_/);
        const shown = (await workspace.call(`GET /webhooks/${id}`)).json();
        assert.partialDeepStrictEqual(shown, { id, url: receiver.url + path, retryPolicy: { delays: [] } });
        const trigger = (await workspace.call(`GET /v1/triggers/${id}`)).json();
        assert.equal(memberOf(trigger, 'target', 'url'), receiver.url + path);
        const eventId = await workspace.trigger('by.rpc', { protocol });
        await receiver.until(path, 1);
        const sent = await workspace.delivery(id, eventId, 'SENT');
        const listed = await client().listDeliveries({ endpointId: id, eventId }, options());
        const [one = assert.fail()] = listed.deliveries;
        assert.deepEqual(
          [one.id, one.status, Buffer.from(one.payloadJson).toString()],
          [sent['id'], DeliveryStatus.SENT, JSON.stringify({ protocol })],
        );
        assert.equal(one.createdAt && timestampDate(one.createdAt).toISOString(), sent['createdAt']);
        const { delivery } = await client().getDelivery({ id: one.id }, options());
        assert.deepEqual(
          delivery?.attempts.map(({ number, status, error }) => [number, status, error]),
          [[1, 200, '']],
        );
        await client().updateEndpoint({ endpoint: { id, active: false }, fields: ['active'] }, options());
        const stopped = (await workspace.call(`GET /webhooks/${id}`)).json();
        assert.partialDeepStrictEqual(stopped, { isActive: false, disabledReason: 'owner' });
        await client().deleteEndpoint({ id }, options());
        await eventually(async () => assert.equal((await workspace.call(`GET /webhooks/${id}`)).status, 404));
      });

      test(`${protocol}: both refuse alike`, async () => {
        const call = (route: string, body?: object) => workspace.call(route, body);
        const url = 'ftp://example.com';
        const target = { case: 'http', value: { url } } as const;
        const made = await rpcRefusal(
          client().createEndpoint({ endpoint: { target, events: ['*'] } }, options()),
        );
        const byRest = await call('POST /v1/triggers', { events: ['*'], target: { kind: 'http', url } });
        assert.deepEqual(restRefusal(byRest), { status: 400, field: 'target.url' });
        assert.deepEqual([made.status, made.field?.endsWith('http.url')], [400, true]);
        const none = '01890000-0000-7000-8000-000000000000';
        for (const id of [none, 'none']) {
          const read = await rpcRefusal(client().getEndpoint({ id }, options()));
          assert.deepEqual(read, restRefusal(await call(`GET /v1/triggers/${id}`)));
          const listed = await rpcRefusal(client().listDeliveries({ endpointId: id }, options()));
          assert.deepEqual(listed, restRefusal(await call(`GET /v1/triggers/${id}/deliveries`)));
          assert.equal(read.status, 404);
        }
      });
    }

    test('a queue is a trigger, and no webhook', async () => {
      const target = { kind: 'nats', queue: 'ours' };
      const made = await workspace.call('POST /v1/triggers', { events: ['nothing.here'], target });
      assert.equal(made.status, 201, made.text);
      assert.equal(memberOf(made.json(), 'secret'), undefined);
      const id = textAt(made.json(), 'id');
      assert.equal((await workspace.call(`GET /webhooks/${id}`)).status, 404);
      assert.ok(!(await workspace.call('GET /webhooks')).text.includes(id));
      const shown = await createClient(
        WebhookService,
        TRANSPORTS['gRPC']?.(stack().connection.url) ?? assert.fail(),
      ).getEndpoint({ id }, options());
      assert.equal(shown.endpoint?.target.case, 'nats');
      const since = timestampFromMs(Date.now() - 1_000);
      const replay = await createClient(
        WebhookService,
        TRANSPORTS['Connect']?.(stack().connection.url) ?? assert.fail(),
      ).startReplay({ endpointId: id, since }, options());
      assert.equal(replay.replay?.endpointId, id);
      assert.equal((await workspace.call(`DELETE /v1/triggers/${id}`)).status, 204);
    });
  },
  { mail: true, env: { WEBHOOK_ALLOW_PRIVATE: 'true', AUTH_RATE_LIMIT_PER_MINUTE: '0' } },
);
