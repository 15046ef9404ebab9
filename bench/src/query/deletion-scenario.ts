import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import {
  ExportEventsRequestSchema,
  GetDeletionRequestSchema,
  RequestDeletionRequestSchema,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { createMetricsRegistry, systemClock } from '@millrace/runtime';
import type { ClickHouseClient } from '@millrace/stores';
import { createEventExport } from '../../../services/analytics/src/export/export-events.ts';
import { createAnalyticsMetrics } from '../../../services/analytics/src/metrics.ts';
import { verifyRollups } from '../../../services/analytics/src/migrations/rollups/verify-rollups.ts';
import type { BenchContext } from '../bench-context.ts';
import { type FilledStore, openFilledStore } from './filled-store.ts';
import { type Jobs, openJobs } from './open-jobs.ts';

/** What the deletion of one user took. */
export interface DeletionRound {
  readonly events: number;
  /** Parts that held some of them, and their bytes with all projections. */
  readonly parts: number;
  readonly bytes: number;
  /** From the request to the end of the job. */
  readonly seconds: number;
  /** Whether ClickHouse was killed in the middle. */
  readonly isKilled: boolean;
}

/** What deletions took, beside one reading of the whole table. */
export interface DeletionFigures {
  readonly kind: 'deletion';
  readonly name: string;
  readonly rows: number;
  readonly rawSeconds: number;
  readonly rounds: readonly DeletionRound[];
}

/** The name by which it is chosen. */
export const deletionScenario = 'deletion';

const WORKSPACE = 'w0';
const JOB_TIMEOUT_MS = 1_800_000;
const QUESTION_TIMEOUT_MS = 300_000;
const LOOK_MS = 250;
/** How far the job is when ClickHouse is killed. */
const KILL_AT = 0.3;

const chooseSql = readFileSync(new URL('sql/choose-user.sql', import.meta.url), 'utf8');
const tracesSql = readFileSync(new URL('sql/traces.sql', import.meta.url), 'utf8');

/**
 * Deletes two users of the store that is kept, the second while ClickHouse is killed, and fails when anything is left of them or a
 * projection says something else than the rows. The store has that many events less from then on.
 */
export async function runDeletionScenario(context: BenchContext): Promise<DeletionFigures> {
  const { rows, directory } = context.kept;
  const dataDir = join(directory, `events-${rows}`);
  const store = await openFilledStore({ dataDir, rows, progress: context.progress, signal: context.signal });
  try {
    const rawSeconds = await readAll(store.client);
    const rounds: DeletionRound[] = [];
    for (const isKilled of [false, true]) {
      const jobs = await openJobs({ client: store.client, rows, dataRoot: context.dataRoot });
      try {
        rounds.push(await deleteOne({ store, jobs, context, isKilled }));
      } finally {
        await jobs.close();
      }
    }
    await assertRollupsAgree(store.client, context);
    return { kind: 'deletion', name: deletionScenario, rows, rawSeconds, rounds };
  } finally {
    await store.stop();
  }
}

async function deleteOne(options: {
  store: FilledStore;
  jobs: Jobs;
  context: BenchContext;
  isKilled: boolean;
}): Promise<DeletionRound> {
  const { store, jobs, context, isKilled } = options;
  const { client } = store;
  const { userId, events, parts } = await chooseUser(client);
  const bytes = await bytesOf(client, parts);
  context.progress(`${userId} has ${events} events in ${parts.length} parts`);
  const startedAt = performance.now();
  const request = create(RequestDeletionRequestSchema, { workspaceId: WORKSPACE, userId });
  const { id } = await jobs.deletions.request(request);
  let isToBeKilled = isKilled;
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal: context.signal });
    const job = jobs.deletions.get(create(GetDeletionRequestSchema, { workspaceId: WORKSPACE, id }));
    if (job.status === 'done') break;
    const seconds = (performance.now() - startedAt) / 1_000;
    if (job.status === 'failed') throw new Error(`the deletion failed: ${job.error}`);
    if (seconds * 1_000 > JOB_TIMEOUT_MS) throw new Error(`the deletion is ${job.status} after ${seconds} s`);
    if (isToBeKilled && job.progress >= KILL_AT) {
      isToBeKilled = false;
      context.progress(`ClickHouse is killed at ${(job.progress * 100).toFixed(0)} %`);
      await store.restart();
    }
    context.progress(`${job.status}, ${(job.progress * 100).toFixed(0)} %, ${seconds.toFixed(0)} s`);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  if (isToBeKilled) throw new Error('the deletion was over before ClickHouse could be killed');
  await assertGone(client, userId);
  return { events, parts: parts.length, bytes, seconds, isKilled };
}

async function chooseUser(
  client: ClickHouseClient,
): Promise<{ userId: string; events: number; parts: string[] }> {
  const [user] = await select<{ userId: string; events: number; parts: string[] }>(client, chooseSql);
  if (user === undefined) throw new Error('no user of the store has 500 to 2,000 events');
  return user;
}

async function bytesOf(client: ClickHouseClient, parts: readonly string[]): Promise<number> {
  const [found] = await select<{ bytes: string }>(
    client,
    `SELECT sum(bytes_on_disk) AS bytes FROM system.parts
WHERE database = 'millrace' AND table = 'events' AND active AND name IN {parts:Array(String)}`,
    { parts },
  );
  return Number(found?.bytes);
}

/** Seconds that one reading of all columns takes: a deletion has to read them, and to write them as well. */
async function readAll(client: ClickHouseClient): Promise<number> {
  const startedAt = performance.now();
  await client.command({
    query: 'SELECT * FROM millrace.events FORMAT Null',
    abort_signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS),
  });
  return (performance.now() - startedAt) / 1_000;
}

async function assertGone(client: ClickHouseClient, userId: string): Promise<void> {
  const [found] = await select<{ rows: number }>(client, tracesSql, { userId });
  if (found?.rows !== 0) throw new Error(`${found?.rows} rows of the deleted user are left`);
  const exports = createEventExport({
    client,
    metrics: createAnalyticsMetrics(createMetricsRegistry({ service: 'bench', version: '0' })).exports,
    clock: systemClock,
    slots: { total: 1, perWorkspace: 1 },
  });
  const request = create(ExportEventsRequestSchema, { workspaceId: WORKSPACE, userId });
  for await (const piece of exports.read(request, AbortSignal.timeout(QUESTION_TIMEOUT_MS))) {
    if (piece.length > 0) throw new Error('the export has events of the deleted user');
  }
}

async function assertRollupsAgree(
  client: ClickHouseClient,
  { progress, signal }: BenchContext,
): Promise<void> {
  const verdicts = await verifyRollups(
    { client, database: 'millrace', table: 'events', signal },
    ({ projection, partsDone, partsTotal }) =>
      progress(`${projection}: ${partsDone} of ${partsTotal} parts compared with their rows`),
  );
  for (const { projection, differences } of verdicts) {
    if (differences.length > 0) throw new Error(`${projection} differs from the rows`);
  }
}

async function select<T>(
  client: ClickHouseClient,
  query: string,
  query_params: Record<string, unknown> = {},
): Promise<T[]> {
  const abort_signal = AbortSignal.timeout(QUESTION_TIMEOUT_MS);
  const answer = await client.query({ query, query_params, format: 'JSONEachRow', abort_signal });
  return answer.json<T>();
}
