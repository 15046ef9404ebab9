import { type Clock, type Logger, uuidv7 } from '@millrace/runtime';
import {
  type ClickHouseClient,
  type NatsConnection,
  openAuditErasing,
  openWorkspaceDeletions,
  type Records,
  removeOwned,
  removeWorkspaceRecords,
  type StreamErasing,
} from '@millrace/stores';
import type { RetentionRecord } from '../../retention/retention.ts';
import type { DeletionRecord } from '../deletion-record.ts';
import { eraseWorkspacesOnce, type WorkspaceEraserDeps } from './workspace-eraser.ts';
import { createWorkspaceMutations } from './workspace-mutations.ts';

/** Buckets of others whose records name their workspace. */
const BUCKETS = ['event-schemas', 'properties', 'webhook-endpoints', 'webhook-replays'];

/** Works the deletions of workspaces off, one replica at a time: whoever has the lease calls `look`. */
export interface WorkspaceEraser {
  look(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Opens the jobs and what they delete from. */
export async function openWorkspaceEraser(options: {
  connection: NatsConnection;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  replicas: number;
  client: ClickHouseClient;
  stream: StreamErasing;
  /** Deletions of users, of all workspaces. */
  deletions: Records<DeletionRecord>;
  /** For how long workspaces keep their events, by workspace. */
  periods: Records<RetentionRecord>;
  keepPositions: () => Promise<void>;
  clock: Clock;
  log: Logger;
  failpoint?: WorkspaceEraserDeps['failpoint'];
}): Promise<WorkspaceEraser> {
  const { deletions, periods } = options;
  const audit = await openAuditErasing(options);
  const records = await openWorkspaceDeletions(options);
  const removeSettings = async (workspaceId: string): Promise<void> => {
    for (const bucket of BUCKETS) await removeWorkspaceRecords({ ...options, bucket, workspaceId });
    await removeOwned(deletions, workspaceId);
    const period = periods.get(workspaceId);
    if (period !== undefined) await periods.remove(workspaceId, period.revision);
  };
  const store = createWorkspaceMutations(options.client);
  const deps = { ...options, records, store, audit, removeSettings, newId: uuidv7 };
  return {
    look: (signal) => eraseWorkspacesOnce(deps, signal),
    close: () => records.close(),
  };
}
