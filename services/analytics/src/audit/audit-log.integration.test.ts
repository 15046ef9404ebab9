import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createMetricsRegistry } from '@millrace/runtime';
import { AUDIT_SUBJECT, openAuditLog, openAuditReader } from '@millrace/stores';
import {
  type AuditWorld,
  createAuditWorld,
  eventually,
  log,
  type Replica,
  readAll,
} from '../../test/audit.ts';
import { createAnalyticsMetrics } from '../metrics.ts';
import { createAuditTable } from './audit-table.ts';
import { startAuditWriter } from './audit-writer.ts';

const WITHIN_MS = 20_000;

let world: AuditWorld;
let replica: Replica;

before(async () => {
  world = await createAuditWorld();
  replica = await world.startReplica();
});
after(() => world?.close());

const targets = async (workspaceId: string) =>
  (await readAll(replica.page, { workspaceId })).map(({ targetId }) => targetId);

const record = (workspaceId: string, id: string) =>
  world.record({ workspaceId, target: { type: 'credential', id } });

test('an entry can be read soon after its record, with all that is known of it', async (t) => {
  const before = Date.now();
  await world.record({
    workspaceId: 'whole',
    action: 'member.invited',
    outcome: 'refused',
    actor: { userId: 'u', credentialId: 'c', ipAddress: '2001:db8::1', requestId: 'r' },
    target: { type: 'invitation', id: 'i' },
    details: { role: 'viewer', note: `quotes "'\\ \n é 😀` },
  });
  const recordedAtMs = performance.now();
  await eventually(async () => assert.equal((await targets('whole')).length, 1), WITHIN_MS);
  t.diagnostic(`read after ${(performance.now() - recordedAtMs).toFixed(0)} ms`);
  const { entries, nextPageToken } = await replica.page({ workspaceId: 'whole' });
  assert.equal(nextPageToken, '');
  const [{ $typeName: _, id, atMs, detailsJson, ...rest } = assert.fail('no entry')] = entries;
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.ok(Number(atMs) >= before && Number(atMs) <= Date.now(), String(atMs));
  assert.deepEqual(JSON.parse(detailsJson), { role: 'viewer', note: `quotes "'\\ \n é 😀` });
  assert.deepEqual(rest, {
    workspaceId: 'whole',
    action: 'member.invited',
    outcome: 'refused',
    actorUserId: 'u',
    actorCredentialId: 'c',
    targetType: 'invitation',
    targetId: 'i',
    ipAddress: '2001:db8::1',
    requestId: 'r',
  });
});

test('messages that are no entries are left out and counted, and hold nothing up', async () => {
  const js = world.connection.jetstream();
  const [whole] = (await replica.page({ workspaceId: 'whole' })).entries;
  assert.ok(whole);
  await record('around', 'first');
  await js.publish(AUDIT_SUBJECT, Buffer.from([0xff, 0xff, 0xff]));
  await js.publish(AUDIT_SUBJECT, Buffer.alloc(0));
  await record('around', 'last');
  await eventually(async () => assert.deepEqual(await targets('around'), ['last', 'first']), WITHIN_MS);
  await eventually(
    async () => assert.equal(await replica.counter('millrace_audit_entries_malformed_total'), 2),
    WITHIN_MS,
  );
  assert.equal(await replica.counter('millrace_audit_entries_stored_total'), 3);
});

test('1,200 entries, forty of each time, come in pages without gap or repeat', async () => {
  const startMs = Date.UTC(2026, 0, 31, 23, 59, 59, 985);
  let recorded = 0;
  const clock = { now: () => startMs + Math.floor(recorded++ / 40), monotonic: () => 0 };
  const auditLog = await openAuditLog({ connection: world.connection, replicas: 1, clock });
  await Promise.all(
    Array.from({ length: 1_200 }, (_, index) =>
      auditLog.record({
        workspaceId: 'paged',
        action: 'a',
        outcome: 'succeeded',
        actor: { userId: '', credentialId: '', ipAddress: '', requestId: '' },
        target: { type: 'credential', id: String(index) },
      }),
    ),
  );
  const stored = async () => assert.equal(await world.rows('paged'), 1_200);
  await eventually(stored, WITHIN_MS);
  for (const pageSize of [500, 97, 0]) {
    const entries = await readAll(replica.page, { workspaceId: 'paged', pageSize });
    assert.equal(entries.length, 1_200, `pages of ${pageSize}`);
    assert.equal(new Set(entries.map(({ id }) => id)).size, 1_200);
    const order = entries.map(({ atMs, id }) => `${atMs} ${id}`);
    assert.deepEqual(order, order.toSorted().reverse());
  }
  assert.equal((await replica.page({ workspaceId: 'paged' })).entries.length, 100);
});

test('filters narrow by action, actor, target and time, together too', async () => {
  const workspaceId = 'filtered';
  const actor = { credentialId: '', ipAddress: '', requestId: '' };
  await world.record({ workspaceId, action: 'a.one', actor: { userId: 'ada', ...actor } });
  await world.record({ workspaceId, action: 'a.two', actor: { userId: 'ada', ...actor } });
  await delay(5);
  await world.record({ workspaceId, action: 'a.one', actor: { userId: "b'); DROP", ...actor } });
  await record(workspaceId, 'thing');
  const all = await eventuallyAll(workspaceId, 4);
  const count = async (wish: object) => (await readAll(replica.page, { workspaceId, ...wish })).length;
  assert.equal(await count({ action: 'a.one' }), 2);
  assert.equal(await count({ action: 'a' }), 0);
  assert.equal(await count({ actorUserId: 'ada' }), 2);
  assert.equal(await count({ actorUserId: "b'); DROP" }), 1);
  assert.equal(await count({ actorUserId: 'ada', action: 'a.one' }), 1);
  assert.equal(await count({ targetId: 'thing' }), 1);
  const thirdMs = Number(all[1]?.atMs);
  assert.equal(await count({ fromMs: thirdMs }), 2);
  assert.equal(await count({ toMs: thirdMs }), 2);
  assert.equal(await count({ fromMs: thirdMs, toMs: thirdMs }), 0);
  assert.equal(await count({ fromMs: thirdMs + 60_000 }), 0);
  assert.equal(await count({ fromMs: -62_135_596_800_000, toMs: 253_402_300_799_000 }), 4);
});

test('a workspace sees its own entries only, whichever token it brings', async () => {
  for (const id of ['one', 'two']) await record('ours', id);
  await record('theirs', 'secret');
  await eventuallyAll('ours', 2);
  await eventuallyAll('theirs', 1);
  const { nextPageToken } = await replica.page({ workspaceId: 'ours', pageSize: 1 });
  for (const pageToken of ['', nextPageToken]) {
    const { entries } = await replica.page({ workspaceId: 'ours', pageToken });
    assert.ok(entries.every(({ workspaceId }) => workspaceId === 'ours'));
  }
  assert.deepEqual((await replica.page({ workspaceId: 'nobody' })).entries, []);
});

test('what is wrong with a question is said by the name of its field', async () => {
  const wrongs: [RegExp, Parameters<Replica['page']>[0]][] = [
    [/^workspace_id: is required/, { workspaceId: '' }],
    [/^page_size: at most 500/, { workspaceId: 'w', pageSize: 501 }],
    [/^action: at most 256/, { workspaceId: 'w', action: 'a'.repeat(257) }],
    [/^actor_user_id: at most 256/, { workspaceId: 'w', actorUserId: 'a'.repeat(257) }],
    [/^target_id: at most 256/, { workspaceId: 'w', targetId: 'a'.repeat(257) }],
    [/^page_token: /, { workspaceId: 'w', pageToken: 'x' }],
    [/^page_token: /, { workspaceId: 'w', pageToken: Buffer.from("1.' OR 1").toString('base64url') }],
  ];
  for (const [message, wish] of wrongs) {
    await assert.rejects(replica.page(wish), { code: 'invalid_argument', message });
  }
});

test('several writers at once: every entry once', async () => {
  const others = [await world.startReplica(), await world.startReplica()];
  await Promise.all(Array.from({ length: 600 }, (_, index) => record('shared', String(index))));
  const stored = async () => assert.equal((await targets('shared')).length, 600);
  await eventually(stored, WITHIN_MS);
  assert.equal(new Set(await targets('shared')).size, 600);
  for (const other of others) await other.close();
});

test('a writer that dies between insert and acknowledgement: another stores the entry again, it is read once', async () => {
  await replica.close();
  const metrics = createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' }));
  const table = createAuditTable({ client: world.client, metrics });
  const inserted: string[] = [];
  const dead = Promise.withResolvers<void>();
  const start = async (dies: boolean) => {
    const connection = await world.connect();
    const writer = startAuditWriter({
      openReader: () => openAuditReader({ connection, replicas: 1, ackWaitMs: 1_000 }),
      table: {
        async insert(entries) {
          await table.insert(entries);
          inserted.push(...entries.map(({ targetId }) => targetId));
          if (!dies) return;
          await connection.close();
          dead.resolve();
        },
      },
      metrics: metrics.audit,
      random: Math.random,
      log,
    });
    return async () => {
      await writer.close();
      await connection.close();
    };
  };
  const closeFirst = await start(true);
  await record('twice', 'once');
  await dead.promise;
  const closeSecond = await start(false);
  await eventually(async () => assert.deepEqual(inserted, ['once', 'once']), WITHIN_MS);
  await closeFirst();
  await closeSecond();
  replica = await world.startReplica();
  assert.deepEqual(await targets('twice'), ['once']);
});

test('ClickHouse away: questions are unavailable, and what is recorded meanwhile is all there afterwards', async () => {
  await world.stopClickHouse();
  for (let index = 0; index < 50; index++) await record('outage', String(index));
  await assert.rejects(replica.page({ workspaceId: 'outage' }), { code: 'unavailable' });
  await delay(1_500);
  await world.startClickHouse();
  await eventually(async () => assert.equal((await targets('outage')).length, 50), WITHIN_MS);
});

test('NATS away: the log is readable, a replica can be closed, and all goes on when NATS is back', async () => {
  const closing = await world.startReplica();
  await world.stopNats();
  await closing.close();
  assert.equal((await targets('outage')).length, 50);
  await delay(1_500);
  await world.startNats();
  await eventually(() => record('back', 'again'), WITHIN_MS);
  await eventually(async () => assert.ok((await targets('back')).includes('again')), WITHIN_MS);
});

test('a replica that is closed gives back what it has not stored', async () => {
  const closing = await world.startReplica();
  await Promise.all(Array.from({ length: 300 }, (_, index) => record('handed-over', String(index))));
  await closing.close();
  await eventually(async () => assert.equal((await targets('handed-over')).length, 300), WITHIN_MS);
});

async function eventuallyAll(workspaceId: string, count: number) {
  let all: Awaited<ReturnType<typeof readAll>> = [];
  await eventually(async () => {
    all = await readAll(replica.page, { workspaceId });
    assert.equal(all.length, count);
  }, WITHIN_MS);
  return all;
}
