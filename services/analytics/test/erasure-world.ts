import { create } from '@bufbuild/protobuf';
import { RequestDeletionRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { createMetricsRegistry, systemClock, uuidv7 } from '@millrace/runtime';
import { connectNats, openLeases, openRecords, openStreamErasing } from '@millrace/stores';
import { eventually } from '@millrace/testkit';
import { encodeEvent, frameItem } from '@millrace/wire';
import { createWorld } from '../../ingest/test/world.ts';
import { type DeletionRecord, deletionRecord } from '../src/erasure/deletion-record.ts';
import { createDeletions } from '../src/erasure/deletions.ts';
import { type EraserDeps, eraseOnce } from '../src/erasure/eraser.ts';
import { createErasureStore, type ErasureStore } from '../src/erasure/erasure-store.ts';
import { createAnalyticsMetrics } from '../src/metrics.ts';
import { log } from './analytics-world.ts';
import { envelopeOf, type NewEvent } from './tail.ts';

/** Real stores with a stream and a writer, and replicas that work deletions off step by step. */
export async function createErasureWorld() {
  const world = await createWorld();
  const connection = await connectNats({ url: world.stores.nats.url, name: 'erasure-test', log });
  const opened: { close(): Promise<void> }[] = [];
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const metrics = createAnalyticsMetrics(registry).erasure;
  const stores = { connection, replicas: 1, clock: systemClock, log };
  return {
    ...world,
    connection,
    metrics,
    /** What the metrics say now, but for what every process says. */
    async told(): Promise<Readonly<Record<string, number>>> {
      const lines = (await registry.metrics()).split('\n');
      const samples = lines.flatMap(
        (line) => /^millrace_((?:deletion|retention)\S+) (\S+)$/.exec(line) ?? [],
      );
      return Object.fromEntries(
        Array.from({ length: samples.length / 3 }, (_, i) => [
          samples[3 * i + 1],
          Number(samples[3 * i + 2]),
        ]),
      );
    },
    publishEvents: (events: readonly NewEvent[]) => world.publishBytes(envelopeOf(events)),
    /** A message whose event ends in the middle of a field, which the writer parks. */
    publishDamaged({ id, workspaceId = 'w', userId = '' }: NewEvent) {
      const event = encodeEvent(
        {
          ...{
            workspaceId,
            eventId: id,
            eventType: 't',
            dialect: 'native',
            source: '',
            userId,
            sessionId: '',
          },
          ...{
            occurredAtMs: 0,
            receivedAtMs: 0,
            priority: 1,
            labels: [],
            payload: '{}',
            metadata: '{}',
            traceId: '',
          },
        },
        '',
      );
      const damaged = Buffer.concat([Buffer.from(event), Buffer.from([0x72, 0x7f])]);
      return world.publishBytes(
        frameItem({ event: damaged, dedupKey: '', bodyHash: '12345678', eventId: id }),
      );
    },
    /** A replica, which knows what is in the stores and nothing else. */
    async openReplica(changes: { store?: (store: ErasureStore) => ErasureStore } = {}) {
      const stream = await openStreamErasing(stores);
      const leases = await openLeases({ ...stores, owner: `test-${uuidv7(Date.now())}` });
      const parse = (stored: unknown) => deletionRecord.parse(stored);
      const records = await openRecords<DeletionRecord>({ ...stores, bucket: 'deletions', parse });
      opened.push(records);
      const real = createErasureStore(world.stores.client);
      const store = changes.store?.(real) ?? real;
      const common = { metrics, newId: uuidv7, clock: systemClock, log };
      const deps: EraserDeps = { ...common, records, store, stream, leases };
      const deletions = createDeletions({ records, stream, clock: systemClock, newId: uuidv7 });
      const look = () => eraseOnce(deps, AbortSignal.timeout(60_000));
      const status = (id: string) => records.get(id)?.value.status;
      return {
        deletions,
        deps,
        look,
        status,
        request: (workspaceId: string, userId: string) =>
          deletions.request(create(RequestDeletionRequestSchema, { workspaceId, userId })),
        /** Looks until a job is over. */
        until: (id: string, wanted: DeletionRecord['status']) =>
          eventually(
            async () => {
              await look();
              if (status(id) !== wanted) throw new Error(`the job is ${status(id)}`);
            },
            { timeoutMs: 60_000, intervalMs: 100 },
          ),
      };
    },
    /** How many rows and projected rows a condition meets, by where they are. */
    async traces(workspaceId: string, userId: string): Promise<Record<string, number>> {
      const query_params = { workspaceId, userId };
      const settings = { optimize_use_projections: 0 } as const;
      const count = async (from: string, condition: string) => {
        const answer = await world.stores.client.query({
          query: `SELECT toUInt32(count()) AS n FROM ${from} WHERE ${condition}`,
          query_params,
          format: 'JSONEachRow',
          clickhouse_settings: settings,
        });
        const [row] = await answer.json<{ n: number }>();
        return row?.n ?? -1;
      };
      const projection = (name: string) => `mergeTreeProjection(currentDatabase(), events, ${name})`;
      const byHash = 'workspace_id = {workspaceId:String} AND user_h = sipHash64({userId:String})';
      const byId = 'workspace_id = {workspaceId:String} AND user_id = {userId:String}';
      return {
        events: await count('events', byId),
        p_user: await count(projection('p_user'), byHash),
        p_userevents: await count(projection('p_userevents'), byId),
        p_bytype: await count(projection('p_bytype'), byHash),
        p_dim: await count(projection('p_dim'), byId),
        dead_letters: await count('dead_letters FINAL', 'position(body, {userId:String}) > 0'),
      };
    },
    async close() {
      await Promise.all(opened.map((one) => one.close()));
      await connection.close();
      await world.close();
    },
  };
}
