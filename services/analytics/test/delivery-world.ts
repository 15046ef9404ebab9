import assert from 'node:assert/strict';
import { type AttemptRow, createAttemptInserter, createEventTable } from '@millrace/stores';
import { type EventFields, encodeEvent, encodeRows, type Row } from '@millrace/wire';
import { createAnalyticsWorld } from './analytics-world.ts';

const SHARD = 1_000;
const MONTH = 202_611;
const CALL = { timeoutMs: 30_000 };

/** An event, and where it stands in the stream. */
export interface PlacedFields extends Partial<EventFields> {
  readonly seq: number;
  readonly index: number;
  readonly dedupKey?: string;
}

/** The event of a row as it was accepted. */
export function eventBytes({ seq, index, dedupKey = '', ...given }: PlacedFields): Buffer {
  const fields: EventFields = {
    ...{
      workspaceId: 'w1',
      eventId: `event-${seq}-${index}`,
      eventType: 'kind',
      dialect: 'native',
      source: '',
    },
    ...{
      userId: 'user',
      sessionId: '',
      occurredAtMs: 1_790_000_000_000 + seq,
      receivedAtMs: 1_790_000_000_000 + seq,
    },
    ...{ priority: 1, labels: [], payload: '{}', metadata: '', traceId: '' },
    ...given,
  };
  return Buffer.from(encodeEvent(fields, dedupKey));
}

/** A ClickHouse with a replica of analytics, into which a test puts events and attempts. */
export async function createDeliveryWorld() {
  const world = await createAnalyticsWorld();
  const { app, deliveries, methods, registry } = world.startReplica();
  await app.prepared;
  const events = createEventTable({ client: world.client, database: 'millrace' });
  const attempts = createAttemptInserter({ client: world.client, database: 'millrace' });
  let inserts = 0;
  return {
    ...world,
    methods,
    registry,
    attempt: (...rows: AttemptRow[]) => attempts.insert(rows),
    async store(...placed: PlacedFields[]): Promise<void> {
      const rows: Row[] = placed.map((event) => {
        const data = eventBytes(event);
        const { seq, index } = event;
        return { data, start: 0, end: data.length, keyAt: -1, seq, index };
      });
      const outcome = await events.insert({
        ...{ body: encodeRows(rows, SHARD, MONTH), token: `t${inserts}`, queryId: `test-${inserts++}` },
        timeoutMs: 60_000,
      });
      assert.deepEqual(outcome, { kind: 'answered' });
    },
    list: async (
      workspaceId: string,
      request: Parameters<typeof deliveries.listDeliveries>[0]['request'],
    ) => {
      const { response } = await deliveries.listDeliveries(
        { workspaceId, ...(request ? { request } : {}) },
        CALL,
      );
      return response ?? assert.fail('no answer');
    },
    get: async (workspaceId: string, id: string) => deliveries.getDelivery({ workspaceId, id }, CALL),
    placed: (request: Parameters<typeof deliveries.listPlacedDeliveries>[0]) =>
      deliveries.listPlacedDeliveries(request, CALL),
    stored: (request: Parameters<typeof deliveries.readStoredEvents>[0]) =>
      deliveries.readStoredEvents(request, CALL),
  };
}

/** What `createDeliveryWorld` yields. */
export type DeliveryWorld = Awaited<ReturnType<typeof createDeliveryWorld>>;
