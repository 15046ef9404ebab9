import { randomUUID } from 'node:crypto';
import { type Clock, type Logger, uuidv7 } from '@millrace/runtime';
import {
  type ClickHouseClient,
  type NatsConnection,
  openLeases,
  openRecords,
  openStreamErasing,
} from '@millrace/stores';
import { openWhenThere } from '../open-when-there.ts';
import { deleteExpired, lastPassMs, type RetentionMetrics } from '../retention/delete-expired.ts';
import { createRetention, type Retention, retentionRecord } from '../retention/retention.ts';
import { deletionRecord } from './deletion-record.ts';
import { createDeletions, type Deletions } from './deletions.ts';
import { type DeletionMetrics, deletionState, type Eraser, keepPositions, startEraser } from './eraser.ts';
import { createErasureStore } from './erasure-store.ts';
import { openWorkspaceEraser } from './workspaces/open-workspace-eraser.ts';

/** Deletions of a process that is connected. */
export interface Erasure {
  readonly connection: NatsConnection;
  readonly deletions: Deletions;
  readonly retention: Retention;
  close(): Promise<void>;
}

/** What `openErasure` works with. */
interface ErasureOptions {
  readonly connection: NatsConnection | Promise<NatsConnection>;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  readonly replicas: number;
  readonly client: ClickHouseClient;
  /** Resolves when the schema is in place. */
  readonly prepared: Promise<void>;
  readonly metrics: DeletionMetrics & RetentionMetrics;
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly log: Logger;
}

/** Opens the jobs as soon as NATS is there, and works them off once the store is prepared. Undefined when it was given up. */
export function openErasure(options: ErasureOptions): Promise<Erasure | undefined> {
  return openWhenThere({
    ...options,
    what: 'deletions',
    open: (connection) => open({ ...options, connection }),
  });
}

async function open(options: ErasureOptions & { connection: NatsConnection }): Promise<Erasure> {
  const { connection, replicas, metrics, clock, closing, log } = options;
  const stream = await openStreamErasing({ connection, replicas });
  const owner = `analytics-${randomUUID()}`;
  const leases = await openLeases({ connection, replicas, owner, clock, log });
  const records = await openRecords({
    ...{ connection, replicas, clock, log },
    bucket: 'deletions',
    parse: (stored) => deletionRecord.parse(stored),
  });
  const periods = await openRecords({
    ...{ connection, replicas, clock, log },
    bucket: 'retention',
    parse: (stored) => retentionRecord.parse(stored),
  }).catch(async (error: unknown) => {
    await records.close();
    throw error;
  });
  const { client } = options;
  const store = createErasureStore(client);
  const positions = () => keepPositions({ store, stream });
  const workspaces = await openWorkspaceEraser({
    ...{ connection, replicas, client, stream, deletions: records, periods },
    ...{ keepPositions: positions, clock, log },
  }).catch(async (error: unknown) => {
    await records.close();
    await periods.close();
    throw error;
  });
  metrics.followJobs(() => deletionState(records, clock.now()));
  metrics.followPasses(() => lastPassMs(periods));
  let eraser: Eraser | undefined;
  options.prepared.then(
    () => {
      if (closing.aborted) return;
      const common = { client, stream, metrics, newId: uuidv7, clock, log };
      const expire = (signal: AbortSignal) =>
        deleteExpired({ ...common, records: periods, positions }, signal);
      const riders = { expire, eraseWorkspaces: workspaces.look };
      eraser = startEraser({ ...common, ...riders, records, store, leases });
    },
    // The process is of no use then, and says so itself.
    () => undefined,
  );
  return {
    connection,
    deletions: createDeletions({ records, stream, clock, newId: uuidv7 }),
    retention: createRetention(periods),
    async close() {
      await eraser?.close();
      await workspaces.close();
      await records.close();
      await periods.close();
    },
  };
}
