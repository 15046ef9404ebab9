import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type NatsServer, startNatsServer } from '@millrace/embedded';
import { createLogger, systemClock } from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { eventually } from '@millrace/testkit';
import {
  currentVersion,
  openSchemaRegistry,
  type SchemaRegistry,
  type SchemaWish,
} from './schema-registry.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const closing: (() => Promise<void>)[] = [];
let nats: NatsServer;
let dataDir: string;
let workspaces = 0;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-schemas-'));
  nats = await startNatsServer({ password: 'a-password-of-tests', dataDir });
});

after(async () => {
  for (const close of closing.reverse()) await close();
  await nats.stop();
  await rm(dataDir, { recursive: true });
});

async function openReplica(): Promise<SchemaRegistry> {
  const connection = await connectNats({ url: nats.url, name: 'schemas-test', log });
  const registry = await openSchemaRegistry({ connection, replicas: 1, clock: systemClock, log });
  closing.push(async () => {
    await registry.close();
    await connection.close();
  });
  return registry;
}

/** A wish for a workspace that no other test has. */
function wishes() {
  const workspaceId = `workspace-${++workspaces}`;
  return (schema: object, changes: Partial<SchemaWish> = {}): SchemaWish => ({
    workspaceId,
    eventName: 'order.created',
    mode: 'enforce',
    description: '',
    schema: JSON.stringify(schema),
    createdBy: 'user-1',
    ifVersion: undefined,
    ...changes,
  });
}

test('a schema, its change and its removal reach another replica, and a restart keeps them', async () => {
  const [one, two] = [await openReplica(), await openReplica()];
  const wish = wishes();
  const { workspaceId, eventName } = wish({});
  const seenByTwo = () => two.find(workspaceId, eventName);

  assert.equal((await one.put(wish({ type: 'object' }))).kind, 'created');
  assert.equal(one.find(workspaceId, eventName)?.versions.length, 1, 'at once where it was put');
  await until(() => seenByTwo()?.versions.length === 1);
  assert.equal((await two.put(wish({ type: 'array' }))).kind, 'changed');
  await until(() => one.find(workspaceId, eventName)?.versions.length === 2);

  const record = await kept(workspaceId, eventName);
  assert.deepEqual(
    record?.versions.map(({ version, schema }) => [version, schema]),
    [
      [1, '{"type":"object"}'],
      [2, '{"type":"array"}'],
    ],
  );

  await nats.kill();
  assert.equal(seenByTwo()?.versions.length, 2, 'known while the store is away');
  nats = await startNatsServer({ password: 'a-password-of-tests', dataDir, port: nats.port });
  // It fails while the connection is on its way back.
  await eventually(() => one.remove({ workspaceId, eventName, ifVersion: undefined }), { intervalMs: 100 });
  await until(() => seenByTwo() === undefined);
  assert.deepEqual(two.list(workspaceId), []);
  assert.equal(await kept(workspaceId, eventName), undefined);
});

test('the same schema and mode again make no version, whatever the order of members', async () => {
  const registry = await openReplica();
  const wish = wishes();
  await registry.put(wish({ type: 'object', minProperties: 1 }));
  const again = await registry.put(wish({ minProperties: 1, type: 'object' }));
  assert.deepEqual([again.kind, again.record.versions.length], ['unchanged', 1]);
  const described = await registry.put(
    wish({ minProperties: 1, type: 'object' }, { description: 'An order' }),
  );
  assert.deepEqual(
    [described.kind, described.record.description, described.record.versions.length],
    ['changed', 'An order', 1],
  );
  const observed = await registry.put(wish({ type: 'object', minProperties: 1 }, { mode: 'observe' }));
  assert.equal(currentVersion(observed.record).version, 2);
});

test('of changes at the same time on two replicas none is lost, and one with If-Match wins', async () => {
  const replicas = [await openReplica(), await openReplica()];
  const wish = wishes();
  const puts = Array.from({ length: 6 }, (_, i) => replicas[i % 2]?.put(wish({ minProperties: i })));
  await Promise.all(puts);
  const { workspaceId, eventName } = wish({});
  const record = await kept(workspaceId, eventName);
  assert.deepEqual(
    record?.versions.map(({ version }) => version),
    [1, 2, 3, 4, 5, 6],
  );
  const claims = await Promise.allSettled(
    replicas.map((registry, i) => registry.put(wish({ maxProperties: i }, { ifVersion: 6 }))),
  );
  assert.deepEqual(claims.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  const lost = claims.find((claim) => claim.status === 'rejected');
  assert.equal(lost?.reason.code, 'failed_precondition');
});

test('the last twenty versions are kept, and of large ones fewer', async () => {
  const registry = await openReplica();
  const wish = wishes();
  const putMany = async (eventName: string, comment: string) => {
    for (let i = 1; i < 25; i++) {
      await registry.put(wish({ minProperties: i, $comment: comment }, { eventName }));
    }
    const { record } = await registry.put(wish({ minProperties: 25, $comment: comment }, { eventName }));
    assert.equal(currentVersion(record).version, 25);
    return record;
  };
  const small = await putMany('small', '');
  assert.deepEqual([small.versions.length, small.versions[0].version], [20, 6]);
  const large = await putMany('large', 'x'.repeat(64_000));
  assert.equal(large.versions.length, 15);
  assert.ok(JSON.stringify(large).length <= 1024 * 1024);
});

test('a missing schema, another version, and a full workspace are refused', async () => {
  const registry = await openReplica();
  const wish = wishes();
  const { workspaceId, eventName } = wish({});
  const missing = { workspaceId, eventName, ifVersion: undefined };
  await assert.rejects(registry.remove(missing), { code: 'not_found' });
  await assert.rejects(registry.put(wish({}, { ifVersion: 1 })), { code: 'failed_precondition' });
  const names = Array.from({ length: 1_000 }, (_, i) => `event.${i}`);
  for (let i = 0; i < names.length; i += 100) {
    await Promise.all(names.slice(i, i + 100).map((name) => registry.put(wish({}, { eventName: name }))));
  }
  assert.equal(registry.list(workspaceId).length, 1_000);
  await assert.rejects(registry.put(wish({})), { code: 'invalid_argument', message: /at most 1000 schemas/ });
  assert.equal((await registry.put(wish({ type: 'null' }, { eventName: 'event.7' }))).kind, 'changed');
  await registry.remove({ ...missing, eventName: 'event.1' });
  assert.equal((await registry.put(wish({}))).kind, 'created');
});

/** What a replica that starts now finds. */
async function kept(workspaceId: string, eventName: string) {
  return (await openReplica()).find(workspaceId, eventName);
}

function until(condition: () => boolean): Promise<void> {
  return eventually(() => assert.ok(condition()), { timeoutMs: 30_000, intervalMs: 5 });
}
