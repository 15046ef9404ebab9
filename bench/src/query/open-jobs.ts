import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startNatsServer } from '@millrace/embedded';
import { createLogger, createMetricsRegistry, systemClock } from '@millrace/runtime';
import { type ClickHouseClient, connectNats, EVENTS_STREAM, ensureEventStreams } from '@millrace/stores';
import type { Deletions } from '../../../services/analytics/src/erasure/deletions.ts';
import { openErasure } from '../../../services/analytics/src/erasure/open-erasure.ts';
import { createAnalyticsMetrics } from '../../../services/analytics/src/metrics.ts';

/** Deletions of a store, worked off by the service's own code. */
export interface Jobs {
  readonly deletions: Deletions;
  close(): Promise<void>;
}

const PASSWORD = 'of-a-bench';
const STREAM_BYTES = 2 ** 26;

/**
 * Starts a nats-server for the jobs, on a directory that goes with it, and begins to work them off. Its stream has had as many messages
 * as the store has events: a deletion spares what was accepted after it was asked for.
 */
export async function openJobs(options: {
  client: ClickHouseClient;
  rows: number;
  dataRoot: string;
}): Promise<Jobs> {
  const { client, rows, dataRoot } = options;
  const dataDir = await mkdtemp(join(dataRoot, 'millrace-bench-'));
  const log = createLogger({ service: 'bench', level: 'warn' });
  const nats = await startNatsServer({ dataDir, password: PASSWORD });
  const connection = await connectNats({ url: nats.url, name: 'bench', log });
  const manager = await connection.jetstreamManager();
  await ensureEventStreams(manager, { replicas: 1, maxBytes: STREAM_BYTES });
  await manager.streams.purge(EVENTS_STREAM, { seq: rows + 1 });
  const closing = new AbortController();
  const erasure = await openErasure({
    ...{ connection, replicas: 1, client, clock: systemClock, log },
    prepared: Promise.resolve(),
    metrics: createAnalyticsMetrics(createMetricsRegistry({ service: 'bench', version: '0' })).erasure,
    closing: closing.signal,
  });
  if (erasure === undefined) throw new Error('nats-server went away');
  return {
    deletions: erasure.deletions,
    async close() {
      closing.abort();
      await erasure.close();
      await connection.close();
      await nats.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
