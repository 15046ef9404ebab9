import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { pickFreePort } from '@millrace/embedded';
import { createLogger, systemClock } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { eventually, type MailServer, startMailServer } from '@millrace/testkit';
import { openAuthStore } from '../../../auth/src/store/auth-store.ts';
import { userKey } from '../../../auth/src/store/user-record.ts';
import { newWorkspace } from '../../../auth/src/store/workspace-record.ts';
import { type CustomerServer, createWebhookWorld, startCustomer } from '../../test/webhook-world.ts';

const PATIENCE = { timeoutMs: 30_000 };
const log = createLogger({ service: 'test', level: 'silent' });

let world: Awaited<ReturnType<typeof createWebhookWorld>>;
let mail: MailServer;
const customers: CustomerServer[] = [];
before(async () => {
  world = await createWebhookWorld();
  mail = await startMailServer();
});
after(async () => {
  await mail?.stop();
  await world?.close();
});
afterEach(async () => {
  for (const one of customers.splice(0)) await one.close();
});

async function customer(status: number): Promise<CustomerServer> {
  const one = await startCustomer();
  one.answer = (_, response) => response.writeHead(status).end();
  customers.push(one);
  return one;
}

/** A workspace with an owner and a member, put straight into the store. */
async function ownedWorkspace(): Promise<{ workspaceId: string; owner: string; member: string }> {
  const connection = await connectNats({ url: world.stores.nats.url, name: 'people', log });
  const store = await openAuthStore({ connection, replicas: 1, clock: systemClock, log });
  const workspaceId = randomUUID();
  const [owner, member] = [`owner-${workspaceId}@example.com`, `member-${workspaceId}@example.com`];
  const joined = { createdAtMs: 1, homeWorkspaceId: workspaceId, sessionsValidFromMs: 0 };
  for (const email of [owner, member])
    await store.users.create(userKey(email), { id: email, email, ...joined });
  const members = [
    { userId: owner, role: 'owner' as const, joinedAtMs: 1 },
    { userId: member, role: 'member' as const, joinedAtMs: 1 },
  ];
  await store.workspaces.create(
    workspaceId,
    newWorkspace({ id: workspaceId, name: 'Tested', createdAtMs: 1, members }),
  );
  await store.close();
  await connection.close();
  return { workspaceId, owner, member };
}

const http = (url: string) => ({ target: { case: 'http', value: { url } } }) as const;
const mailsTo = (email: string) => mail.mails.filter(({ to }) => to === email);

test('who owns a workspace is mailed that an endpoint is gone, and whoever subscribes gets an event of it', async () => {
  const { workspaceId, owner, member } = await ownedWorkspace();
  const dispatcher = await world.start({ settings: { SMTP_URL: mail.url } });
  const [gone, watching] = await Promise.all([customer(410), customer(200)]);
  const url = `${gone.url}/hook?key=secret`;
  const { id } = await dispatcher.createEndpoint({ ...http(url), events: ['order.*'] }, workspaceId);
  const watched = { ...http(watching.url), events: ['millrace.endpoint.disabled'] };
  await dispatcher.createEndpoint(watched, workspaceId);
  await world.publishEvents([
    { id: randomUUID(), workspaceId, type: 'order.paid', receivedAtMs: Date.now() },
  ]);
  await eventually(() => assert.equal(watching.calls.length, 1), PATIENCE);
  const { event, timestamp, data } = JSON.parse(watching.calls[0]?.body.toString() ?? '');
  assert.equal(event, 'millrace.endpoint.disabled');
  const { failingSince, disabledAt, ...rest } = data;
  assert.deepEqual(rest, { endpointId: id, url: `${gone.url}/hook`, reason: 'gone' });
  assert.equal(timestamp, disabledAt);
  assert.ok(Date.parse(failingSince) <= Date.parse(disabledAt));
  await eventually(() => assert.equal(mailsTo(owner).length, 1), PATIENCE);
  const [received] = mailsTo(owner);
  assert.equal(received?.subject, 'A webhook of the workspace Tested was disabled');
  assert.ok(received?.text.includes(`${gone.url}/hook\n`), received?.text);
  assert.ok(!received?.text.includes('secret'));
  assert.equal(mailsTo(member).length, 0);
  await dispatcher.close();
});

test('what a dispatcher could not tell before it was killed is told by the next; the event is there once', async () => {
  const { workspaceId, owner } = await ownedWorkspace();
  const gone = await customer(410);
  const watching = await customer(200);
  const api = await world.start();
  const { id } = await api.createEndpoint({ ...http(gone.url), events: ['killed'] }, workspaceId);
  const watched = { ...http(watching.url), events: ['millrace.endpoint.disabled'] };
  await api.createEndpoint(watched, workspaceId);
  await api.close();
  // Its mails go nowhere.
  const child = world.spawn({ SMTP_URL: `smtp://127.0.0.1:${await pickFreePort()}` });
  await world.publishEvents([{ id: randomUUID(), workspaceId, type: 'killed', receivedAtMs: Date.now() }]);
  await eventually(() => assert.equal(watching.calls.length, 1), PATIENCE);
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  assert.equal(mailsTo(owner).length, 0);
  const dispatcher = await world.start({ settings: { SMTP_URL: mail.url } });
  await eventually(() => assert.equal(mailsTo(owner).length, 1), PATIENCE);
  // Told once, it is told: neither another look nor another process tells it again.
  await dispatcher.close();
  const next = await world.start({ settings: { SMTP_URL: mail.url } });
  await world.publishEvents([
    { id: randomUUID(), workspaceId, type: 'millrace.endpoint.disabled', payload: '"behind"' },
  ]);
  await eventually(() => assert.ok(watching.calls.some(({ body }) => body.includes('"behind"'))), PATIENCE);
  const told = await world.query<{ n: string }>(
    `SELECT count() AS n FROM events WHERE workspace_id = '${workspaceId}' AND payload LIKE '%${id}%'`,
  );
  assert.deepEqual(told, [{ n: '1' }]);
  assert.equal(mailsTo(owner).length, 1);
  assert.equal(new Set(watching.calls.map(({ headers }) => headers['webhook-id'])).size, 2);
  await next.close();
});
