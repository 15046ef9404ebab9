import type { Clock, Logger } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql, type Records, type StreamErasing } from '@millrace/stores';
import { z } from 'zod';
import { beginMutation } from '../begin-mutation.ts';
import { deleteExpiredLetters } from './expired-letters.ts';
import type { RetentionRecord } from './retention.ts';

const sql = {
  deleteExpired: loadSql(import.meta.url, 'queries/delete-expired.sql'),
  expired: loadSql(import.meta.url, 'queries/expired.sql'),
  deleteAttempts: loadSql(import.meta.url, 'queries/delete-attempts.sql'),
  expiredAttempts: loadSql(import.meta.url, 'queries/expired-attempts.sql'),
};
const expiredRow = z.object({ expired: z.coerce.number() });

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Between two passes: each rewrites every file that has something expired. */
const PASS_MS = DAY_MS;
const MAX_WORKSPACES = 1_000;
const TIMEOUT_MS = 60_000;

/** What passes tell of their work. */
export interface RetentionMetrics {
  /** Called once for each pass that had workspaces to look at. */
  ran(outcome: 'deleted' | 'nothing_expired' | 'failed'): void;
  /** Rows whose deletion has begun. */
  expired(table: 'events' | 'dead_letters' | 'webhook_attempts', rows: number): void;
  /** Declares when a pass last succeeded, in milliseconds since 1970, 0 for never; asked when metrics are read. */
  followPasses(look: () => number): void;
}

/** What a pass works with. */
export interface RetentionDeps {
  readonly records: Records<RetentionRecord>;
  readonly client: ClickHouseClient;
  readonly stream: Pick<StreamErasing, 'lastSeq' | 'isWritten' | 'deleteDeadLetters'>;
  readonly positions: () => Promise<void>;
  readonly metrics: Pick<RetentionMetrics, 'ran' | 'expired'>;
  readonly newId: (nowMs: number) => string;
  readonly clock: Clock;
  readonly log: Logger;
}

type Due = readonly (readonly [workspaceId: string, days: number])[];

/**
 * Deletes what has expired of all workspaces whose last pass is a day ago, by one mutation for each table that has any. Does nothing while
 * something that the stream held when it began is not stored: the writer's newest row must not go before it has seen it.
 */
export async function deleteExpired(deps: RetentionDeps, signal: AbortSignal): Promise<void> {
  const { records, stream, metrics, clock } = deps;
  const nowMs = clock.now();
  const due = [...records.entries()]
    .filter(([, { value }]) => value.days > 0 && nowMs - value.passedAtMs >= PASS_MS)
    .slice(0, MAX_WORKSPACES);
  if (due.length === 0) return;
  const workspaces = due.map(([workspaceId, { value }]) => [workspaceId, value.days] as const);
  try {
    const throughSeq = await stream.lastSeq();
    if (!(await stream.isWritten(throughSeq))) return;
    const rows = await pass(deps, { workspaces, nowMs, throughSeq }, signal);
    for (const [workspaceId, { value, revision }] of due) {
      // One that was changed meanwhile is due again.
      await records.update(workspaceId, { ...value, passedAtMs: nowMs }, revision);
    }
    metrics.ran(rows > 0 ? 'deleted' : 'nothing_expired');
  } catch (error) {
    metrics.ran('failed');
    throw error;
  }
}

/** Answers how many rows have expired. */
async function pass(
  deps: RetentionDeps,
  { workspaces, nowMs, throughSeq }: { workspaces: Due; nowMs: number; throughSeq: number },
  signal: AbortSignal,
): Promise<number> {
  const { client, metrics, log } = deps;
  const batch = deps.newId(nowMs);
  const cutMs = new Map(workspaces.map(([workspaceId, days]) => [workspaceId, nowMs - days * DAY_MS]));
  const letters = await deleteExpiredLetters(deps, { batch, cutMs }, signal);
  metrics.expired('dead_letters', letters);
  const params = { workspaceIds: [...cutMs.keys()], beforeMs: [...cutMs.values()], throughSeq };
  const count = async (question: string) => {
    const [row] = await ask(client, {
      sql: question,
      params,
      row: expiredRow,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    return row?.expired ?? 0;
  };
  const attempts = await count(sql.expiredAttempts);
  if (attempts > 0) {
    await beginMutation(client, sql.deleteAttempts, { params: { ...params, batch }, timeoutMs: TIMEOUT_MS });
    metrics.expired('webhook_attempts', attempts);
  }
  const events = await count(sql.expired);
  if (events > 0) {
    await deps.positions();
    await beginMutation(client, sql.deleteExpired, { params: { ...params, batch }, timeoutMs: TIMEOUT_MS });
    metrics.expired('events', events);
  }
  const rows = events + letters + attempts;
  if (rows > 0) {
    const found = { events, letters, attempts };
    log.info({ batch, workspaces: workspaces.length, ...found }, 'what has expired is being deleted');
  }
  return rows;
}

/** When a pass last succeeded, in milliseconds since 1970; 0 for never. */
export function lastPassMs(records: Pick<Records<RetentionRecord>, 'entries'>): number {
  let last = 0;
  for (const [, { value }] of records.entries()) last = Math.max(last, value.passedAtMs);
  return last;
}
