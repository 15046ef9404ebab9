import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type NatsServer, startNatsServer } from '@millrace/embedded';
import { systemClock } from '@millrace/runtime';
import {
  connectNats,
  createAttemptInserter,
  ensureEventStreams,
  type NatsConnection,
  shardSubject,
} from '@millrace/stores';
import { type AnalyticsWorld, createAnalyticsWorld, log } from '../../test/analytics-world.ts';
import { ATTEMPTED_AT_MS, attemptRow } from '../../test/attempts.ts';
import { envelopeOf } from '../../test/tail.ts';

const CALL = { timeoutMs: 20_000 };
const directory = mkdtempSync(join(tmpdir(), 'millrace-receipt-'));

let world: AnalyticsWorld;
let nats: NatsServer;
let connection: NatsConnection;
let methods: ReturnType<AnalyticsWorld['startReplica']>['methods'];

before(async () => {
  world = await createAnalyticsWorld();
  nats = await startNatsServer({ password: 'a-password-of-tests', dataDir: directory });
  connection = await connectNats({ url: nats.url, name: 'receipts', log });
  const manager = await connection.jetstreamManager();
  await ensureEventStreams(manager, { replicas: 1, maxBytes: 256 * 1024 * 1024 });
  const replica = world.startReplica(systemClock, Promise.resolve(connection));
  methods = replica.methods;
  await replica.app.prepared;
});
after(async () => {
  await world?.close();
  await connection?.close();
  await nats?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const receipt = (id: string, workspaceId = 'w') => methods.getReceipt({ workspaceId, id }, CALL);

async function publish(id: string, index: 0 | 1): Promise<number> {
  const data = envelopeOf([
    { id, workspaceId: 'other' },
    { id, workspaceId: 'w' },
  ]);
  const { seq } = await connection.jetstream().publish(shardSubject({ count: 2, index }), data);
  return seq;
}

/** Stores an event as the writer of its shard does. */
async function store(id: string, index: 0 | 1, seq: number): Promise<void> {
  await world.client.insert({
    table: 'events',
    format: 'JSONEachRow',
    columns: ['workspace_id', 'event_id', 'received_at_ms', 'occurred_at_ms', '_shard', '_seq'],
    values: [
      {
        workspace_id: 'w',
        event_id: id,
        received_at_ms: 1_700_000_000_000,
        occurred_at_ms: 0,
        _shard: 2000 + index,
        _seq: seq,
      },
    ],
  });
}

test('accepted while it waits in the stream, stored afterwards; in its own workspace alone', async () => {
  const seq = await publish('first', 0);
  const waiting = await receipt('first');
  assert.equal(waiting.stored, false);
  assert.equal(waiting.event?.id, 'first');
  assert.equal(waiting.deadLetterId, '');
  await assert.rejects(receipt('first', 'nobody'), { code: 'not_found' });
  await assert.rejects(receipt('firs'), { code: 'not_found' });
  await store('first', 0, seq);
  const stored = await receipt('first');
  assert.equal(stored.stored, true);
  assert.deepEqual(stored.deliveries, []);
});

test('one shard’s writer is behind another’s: what waits there is found', async () => {
  await publish('behind', 1);
  const seq = await publish('ahead', 0);
  await store('ahead', 0, seq);
  assert.equal((await receipt('behind')).stored, false);
});

test('delivered: each delivery once, as its newest attempt left it; not those of another workspace', async () => {
  const first = { workspaceId: 'w', endpointId: 'ep', eventId: 'first', deliveryId: 'd1' };
  const failed = { deliveryStatus: 'pending', httpStatus: 500, error: 'HTTP 500' } as const;
  const startedAtMs = ATTEMPTED_AT_MS + 60_000;
  const { insert } = createAttemptInserter({ client: world.client, database: 'millrace' });
  await insert([
    attemptRow({ ...first, ...failed, nextAttemptAtMs: startedAtMs }),
    attemptRow({ ...first, ...failed, attempt: 2, startedAtMs: startedAtMs - 1_000 }),
    // Made again after a crash.
    attemptRow({ ...first, attempt: 2, createdAtMs: startedAtMs, startedAtMs }),
    attemptRow({ ...first, workspaceId: 'w2', deliveryId: 'd2' }),
  ]);
  const { deliveries } = await receipt('first');
  assert.equal(deliveries.length, 1);
  const [delivery] = deliveries;
  assert.deepEqual(
    [delivery?.endpointId, delivery?.deliveryId, delivery?.status, delivery?.attempts, delivery?.httpStatus],
    ['ep', 'd1', 'sent', 2, 200],
  );
  assert.equal(delivery?.lastAttemptAt && timestampMs(delivery.lastAttemptAt), startedAtMs);
});

test('unavailable where more waits than is looked through, rather than that there is no such event', async () => {
  const large = envelopeOf(
    Array.from({ length: 60 }, (_, i) => ({ id: `${i}-${'x'.repeat(60_000)}`, workspaceId: 'w' })),
  );
  for (let i = 0; i < 6; i++)
    await connection.jetstream().publish(shardSubject({ count: 2, index: 0 }), large);
  await publish('far', 0);
  await assert.rejects(receipt('far'), { code: 'unavailable' });
  await assert.rejects(receipt('nobody sent this'), { code: 'unavailable' });
  assert.equal((await receipt('first')).stored, true);
});
