import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, uuidv7 } from '@millrace/runtime';
import {
  type ClickHouseClient,
  type NatsConnection,
  openLeases,
  openRecords,
  openStreamErasing,
} from '@millrace/stores';
import { createRetention, deleteExpired, type Retention, retentionRecord } from '../retention/retention.ts';
import { deletionRecord } from './deletion-record.ts';
import { createDeletions, type Deletions } from './deletions.ts';
import { type Eraser, keepPositions, startEraser } from './eraser.ts';
import { createErasureStore } from './erasure-store.ts';

/** Deletions of a process that is connected. */
export interface Erasure {
  readonly connection: NatsConnection;
  readonly deletions: Deletions;
  readonly retention: Retention;
  close(): Promise<void>;
}

const RETRY_MS = 1_000;

/**
 * Opens the jobs as soon as NATS is there, trying again until `closing` aborts, and works them off once the store is
 * prepared. Undefined when it was given up.
 */
export async function openErasure(options: {
  connection: NatsConnection | Promise<NatsConnection>;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  replicas: number;
  client: ClickHouseClient;
  /** Resolves when the schema is in place. */
  prepared: Promise<void>;
  clock: Clock;
  closing: AbortSignal;
  log: Logger;
}): Promise<Erasure | undefined> {
  const { closing, log } = options;
  let connection: NatsConnection;
  try {
    connection = await untilClosing(Promise.resolve(options.connection), closing);
  } catch {
    // Whoever connects tells why it failed; without NATS there are no deletions, and whoever asks is told.
    return undefined;
  }
  while (!closing.aborted) {
    try {
      return await open({ ...options, connection });
    } catch (error) {
      log.warn({ err: error }, 'deletions can not be read, trying again');
    }
    await delay(RETRY_MS, undefined, { signal: closing }).catch(() => undefined);
  }
  return undefined;
}

async function open(
  options: Parameters<typeof openErasure>[0] & { connection: NatsConnection },
): Promise<Erasure> {
  const { connection, replicas, clock, closing, log } = options;
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
  });
  let eraser: Eraser | undefined;
  options.prepared.then(
    () => {
      if (closing.aborted) return;
      const { client } = options;
      const store = createErasureStore(client);
      const positions = () => keepPositions({ store, stream });
      const expire = () =>
        deleteExpired({ records: periods, client, stream, positions, newId: uuidv7, clock, log });
      eraser = startEraser({ records, store, stream, leases, newId: uuidv7, clock, log, expire });
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
      await records.close();
      await periods.close();
    },
  };
}

function untilClosing<T>(promise: Promise<T>, closing: AbortSignal): Promise<T> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      if (closing.aborted) reject(closing.reason);
      closing.addEventListener('abort', () => reject(closing.reason), { once: true });
    }),
  ]);
}
