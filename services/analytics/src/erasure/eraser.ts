import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import type { Leases, Records, StreamErasing, Versioned } from '@millrace/stores';
import type { DeletionRecord } from './deletion-record.ts';
import { deadLettersOf, type ErasureStore } from './erasure-store.ts';
import { readBatch } from './mutations.ts';

/** Works the jobs off, one replica at a time. */
export interface Eraser {
  /** Stops looking; what ClickHouse has begun goes on, and whoever comes next finds it. */
  close(): Promise<void>;
}

/** What deletions tell of themselves. */
export interface DeletionMetrics {
  /** Called once for each job that is over, by the replica that saw to it; seconds since it was asked for. */
  finished(outcome: 'done' | 'failed', seconds: number): void;
  /** Declares the jobs, which are looked at when metrics are read. */
  followJobs(look: () => DeletionState): void;
}

/** Where the jobs of all workspaces stand. */
export interface DeletionState {
  readonly jobs: Readonly<Record<DeletionRecord['status'], number>>;
  /** Of the oldest job that is not over; 0 for none. */
  readonly oldestUnfinishedSeconds: number;
}

/** Users that one mutation deletes: each mutation rewrites the same parts. */
const MAX_TARGETS = 50;
const LOOK_MS = 1_000;
const KEPT_MS = 90 * 24 * 60 * 60 * 1_000;

/** What the worker works with. */
export interface EraserDeps {
  readonly records: Records<DeletionRecord>;
  readonly store: ErasureStore;
  readonly stream: StreamErasing;
  readonly leases: Leases;
  readonly metrics: Pick<DeletionMetrics, 'finished'>;
  readonly newId: (nowMs: number) => string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lookMs?: number;
}

/** What else is deleted with each look. */
export interface Riders {
  /** What workspaces keep no longer. */
  expire(signal: AbortSignal): Promise<void>;
  /** Workspaces that were deleted. */
  eraseWorkspaces(signal: AbortSignal): Promise<void>;
}

/** Begins to look for jobs. What one kind of them is stuck at keeps none of the others. */
export function startEraser(deps: EraserDeps & Riders): Eraser {
  const { leases, clock, log, lookMs = LOOK_MS } = deps;
  const closing = new AbortController();
  const work = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const lease = await leases.acquire('erasure', closing.signal);
      const until = AbortSignal.any([closing.signal, lease.lost]);
      try {
        while (!until.aborted && lease.valid) {
          for (const look of [() => eraseOnce(deps, until), deps.expire, deps.eraseWorkspaces]) {
            try {
              await look(until);
            } catch (error) {
              if (!until.aborted)
                log.warn({ err: error, at: clock.now() }, 'deletions do not get on, trying again');
            }
          }
          await delay(lookMs, undefined, { signal: until }).catch(() => undefined);
        }
      } finally {
        await lease.release();
      }
    }
  };
  const running = work().catch((error: unknown) => {
    if (!closing.signal.aborted) log.error({ err: error }, 'deletions are not worked off any more');
  });
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** Moves every job on by what can be done now. Whatever was cut off before is found in the records and in the store. */
export async function eraseOnce(deps: EraserDeps, signal: AbortSignal): Promise<void> {
  const jobs = [...deps.records.entries()].map(([, record]) => record);
  const running = jobs.filter(({ value }) => value.status === 'running');
  if (running.length > 0) await watchBatch(deps, running, signal);
  else
    await beginBatch(
      deps,
      jobs.filter(({ value }) => value.status === 'pending'),
    );
  await tidy(deps, jobs);
}

/** Keeps every shard's position, whatever of its newest rows is deleted. */
export async function keepPositions({ store, stream }: Pick<EraserDeps, 'store' | 'stream'>): Promise<void> {
  for (const { shard, seq } of await store.positions()) await stream.keepPosition(shard, seq);
}

type Job = Versioned<DeletionRecord>;

async function beginBatch(deps: EraserDeps, pending: readonly Job[]): Promise<void> {
  const ready: Job[] = [];
  for (const job of pending.toSorted((a, b) => a.value.throughSeq - b.value.throughSeq)) {
    if (ready.length === MAX_TARGETS) break;
    // What isn't stored yet would be stored behind the mutation. Those who asked later wait for more.
    if (!(await deps.stream.isWritten(job.value.throughSeq))) break;
    ready.push(job);
  }
  if (ready.length === 0) return;
  await keepPositions(deps);
  const nowMs = deps.clock.now();
  const batch = deps.newId(nowMs);
  const change = { status: 'running', startedAtMs: nowMs, batch } as const;
  const begun = await changeAll(deps, ready, () => change);
  deps.log.info({ batch, deletions: begun.length }, 'deletion begins');
  await deps.store.begin(
    batch,
    begun.map(({ value }) => value),
  );
}

async function watchBatch(deps: EraserDeps, running: readonly Job[], signal: AbortSignal): Promise<void> {
  const { store, stream, log } = deps;
  for (const [batch, jobs] of Map.groupBy(running, ({ value }) => value.batch)) {
    const targets = jobs.map(({ value }) => value);
    const state = await readBatch(store, { batch, targets, log });
    if (state.kind === 'killed') {
      const error = 'the rewriting was stopped by an operator; ask again';
      await finish(deps, jobs, { status: 'failed', error });
      log.error({ batch }, 'a deletion was killed in ClickHouse');
      continue;
    }
    if (state.kind === 'rewriting') {
      const { progress, error } = state;
      await changeAll(deps, jobs, (job) =>
        job.progress === progress && job.error === error ? undefined : { progress, error },
      );
      continue;
    }
    if (state.kind === 'incomplete') {
      // The rest is deleted by another one of the same name.
      log.info({ batch, mutations: state.mutations }, 'deletion begins again');
      await store.begin(batch, targets);
      continue;
    }
    const letters = await stream.deleteDeadLetters(deadLettersOf(targets), signal);
    await finish(deps, jobs, { status: 'done', progress: 1, error: '' });
    log.info({ batch, deletions: jobs.length, letters }, 'deletion is done');
  }
}

async function finish(
  deps: EraserDeps,
  jobs: readonly Job[],
  end: Partial<DeletionRecord> & { readonly status: 'done' | 'failed' },
): Promise<void> {
  const finishedAtMs = deps.clock.now();
  const finished = await changeAll(deps, jobs, () => ({ ...end, finishedAtMs }));
  for (const { value } of finished) {
    deps.metrics.finished(end.status, (finishedAtMs - value.createdAtMs) / 1_000);
  }
}

/** Where all jobs stand now. */
export function deletionState(
  records: Pick<Records<DeletionRecord>, 'entries'>,
  nowMs: number,
): DeletionState {
  const jobs = { pending: 0, running: 0, done: 0, failed: 0 };
  let oldestMs = nowMs;
  for (const [, { value }] of records.entries()) {
    jobs[value.status]++;
    if (value.finishedAtMs === null) oldestMs = Math.min(oldestMs, value.createdAtMs);
  }
  return { jobs, oldestUnfinishedSeconds: (nowMs - oldestMs) / 1_000 };
}

/**
 * Forgets whose job it was once the stream has nothing of theirs, and the job itself after 90 days. Until then events that were on their way
 * to endpoints have been attempted again: that goes too, while it is known whose they were.
 */
async function tidy(deps: EraserDeps, jobs: readonly Job[]): Promise<void> {
  const { records, stream, clock } = deps;
  const nowMs = clock.now();
  const finished = jobs.filter(({ value }) => value.status === 'done' || value.status === 'failed');
  for (const { value, revision } of finished) {
    if (nowMs - (value.finishedAtMs ?? nowMs) < KEPT_MS || value.userId !== '') continue;
    await records.remove(value.id, revision);
  }
  const uncleared = finished.filter(({ value }) => value.streamClearedAtMs === null);
  if (uncleared.length === 0) return;
  const firstSeq = await stream.firstSeq();
  const cleared = uncleared.filter(({ value }) => value.throughSeq < firstSeq).slice(0, MAX_TARGETS);
  const erased = cleared.map(({ value }) => value).filter(({ status }) => status === 'done');
  if (erased.length > 0) await deps.store.deleteLateAttempts(deps.newId(nowMs), erased);
  await changeAll(deps, cleared, () => ({ userId: '', streamClearedAtMs: nowMs }));
}

/** Changes records as they are now; one that another process has changed meanwhile is left for the next look. */
async function changeAll(
  { records }: Pick<EraserDeps, 'records'>,
  jobs: readonly Job[],
  change: (record: DeletionRecord) => Partial<DeletionRecord> | undefined,
): Promise<Job[]> {
  const changed: Job[] = [];
  for (const job of jobs) {
    // The list may be older than the last change of this very look.
    const { value, revision } = records.get(job.value.id) ?? job;
    const parts = change(value);
    if (parts === undefined) continue;
    const next = { ...value, ...parts };
    const outcome = await records.update(value.id, next, revision);
    if (outcome.kind === 'written') changed.push({ value: next, revision: outcome.revision });
  }
  if (changed.length === 0 && jobs.length > 0 && jobs.every(({ value }) => value.status === 'pending'))
    throw new MillraceError('aborted', 'another process has changed the deletions');
  return changed;
}
