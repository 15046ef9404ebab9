import { type Clock, fieldError, type Logger, MillraceError } from '@millrace/runtime';
import {
  ask,
  type ClickHouseClient,
  loadSql,
  type Records,
  type StreamErasing,
  storeUnavailable,
} from '@millrace/stores';
import { z } from 'zod';

/** For how long a workspace's events are kept, as it is stored under the workspace's id. */
export const retentionRecord = z.object({
  /** Since arrival; 0 for ever. */
  days: z.number().int().min(0),
  /** When a pass last deleted what had expired. */
  passedAtMs: z.number(),
});

/** What `retentionRecord` yields. */
export type RetentionRecord = Readonly<z.output<typeof retentionRecord>>;

/** The setting of each workspace. Throws MillraceError. */
export interface Retention {
  /** Days; 0 for ever. */
  get(workspaceId: string): number;
  /** Answers what was set before. */
  set(workspaceId: string, days: number): Promise<number>;
}

export const MAX_RETENTION_DAYS = 3_650;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Passes a day; each rewrites every file that has something expired. */
const PASS_MS = DAY_MS;
const ATTEMPTS = 5;

/** Makes the setting over its records. */
export function createRetention(records: Records<RetentionRecord>): Retention {
  return {
    get(workspaceId) {
      if (workspaceId === '') throw fieldError('workspace_id', 'is required');
      return records.get(workspaceId)?.value.days ?? 0;
    },
    async set(workspaceId, days) {
      if (workspaceId === '') throw fieldError('workspace_id', 'is required');
      if (days > MAX_RETENTION_DAYS) throw fieldError('days', `at most ${MAX_RETENTION_DAYS}`);
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const known = await records.read(workspaceId);
        // A change is looked at by the next pass, however long ago the last one was.
        const next = { days, passedAtMs: 0 };
        const outcome = known
          ? await records.update(workspaceId, next, known.revision)
          : await records.create(workspaceId, next);
        if (outcome.kind === 'written') return known?.value.days ?? 0;
      }
      throw new MillraceError('aborted', 'somebody else changes the retention, try again');
    },
  };
}

const sql = {
  deleteExpired: loadSql(import.meta.url, 'queries/delete-expired.sql'),
  expired: loadSql(import.meta.url, 'queries/expired.sql'),
};
const expiredRow = z.object({ expired: z.coerce.number() });
const TIMEOUT_MS = 60_000;
const MAX_WORKSPACES = 1_000;

/** What a pass works with. */
export interface RetentionDeps {
  readonly records: Records<RetentionRecord>;
  readonly client: ClickHouseClient;
  readonly stream: Pick<StreamErasing, 'lastSeq' | 'isWritten'>;
  readonly positions: () => Promise<void>;
  readonly newId: (nowMs: number) => string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Deletes what has expired of all workspaces whose last pass is a day ago, by one mutation. Does nothing while something that the stream
 * held when it began is not stored: the writer's newest row must not go before it has seen it.
 */
export async function deleteExpired(deps: RetentionDeps): Promise<void> {
  const { records, client, stream, clock, log } = deps;
  const nowMs = clock.now();
  const due = [...records.entries()]
    .filter(([, { value }]) => value.days > 0 && nowMs - value.passedAtMs >= PASS_MS)
    .slice(0, MAX_WORKSPACES);
  if (due.length === 0) return;
  const throughSeq = await stream.lastSeq();
  if (!(await stream.isWritten(throughSeq))) return;
  const params = {
    workspaceIds: due.map(([workspaceId]) => workspaceId),
    beforeMs: due.map(([, { value }]) => nowMs - value.days * DAY_MS),
    throughSeq,
  };
  const [row] = await ask(client, { sql: sql.expired, params, row: expiredRow, timeoutMs: TIMEOUT_MS });
  if ((row?.expired ?? 0) > 0) {
    await deps.positions();
    const batch = deps.newId(nowMs);
    try {
      await client.command({
        query: sql.deleteExpired,
        query_params: { ...params, batch },
        use_multipart_params: true,
        clickhouse_settings: { mutations_sync: '0' },
        abort_signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      throw storeUnavailable(error);
    }
    log.info({ batch, workspaces: due.length, expired: row?.expired }, 'expired events are being deleted');
  }
  for (const [workspaceId, { value, revision }] of due) {
    // One that was changed meanwhile is due again.
    await records.update(workspaceId, { ...value, passedAtMs: nowMs }, revision);
  }
}
