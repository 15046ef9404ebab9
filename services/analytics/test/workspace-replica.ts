import { type Clock, systemClock } from '@millrace/runtime';
import { type ClickHouseClient, type NatsConnection, openRecords, openStreamErasing } from '@millrace/stores';
import { deletionRecord } from '../src/erasure/deletion-record.ts';
import { keepPositions } from '../src/erasure/eraser.ts';
import { createErasureStore } from '../src/erasure/erasure-store.ts';
import { openWorkspaceEraser } from '../src/erasure/workspaces/open-workspace-eraser.ts';
import type { EraserStep } from '../src/erasure/workspaces/workspace-eraser.ts';
import { retentionRecord } from '../src/retention/retention.ts';
import { log } from './analytics-world.ts';

/** A replica that works deletions of workspaces off step by step, and knows what is in the stores and nothing else. */
export async function openWorkspaceReplica(options: {
  connection: NatsConnection;
  client: ClickHouseClient;
  clock?: Clock;
  failpoint?: (step: EraserStep) => Promise<void>;
}) {
  const { connection, client, clock = systemClock, failpoint } = options;
  const common = { connection, replicas: 1, clock, log };
  const stream = await openStreamErasing(common);
  const deletions = await openRecords({
    ...common,
    bucket: 'deletions',
    parse: (stored) => deletionRecord.parse(stored),
  });
  const periods = await openRecords({
    ...common,
    bucket: 'retention',
    parse: (stored) => retentionRecord.parse(stored),
  });
  const store = createErasureStore(client);
  const eraser = await openWorkspaceEraser({
    ...{ ...common, client, stream, deletions, periods },
    keepPositions: () => keepPositions({ store, stream }),
    ...(failpoint && { failpoint }),
  });
  return {
    deletions,
    periods,
    look: () => eraser.look(AbortSignal.timeout(60_000)),
    async close() {
      await eraser.close();
      await deletions.close();
      await periods.close();
    },
  };
}
