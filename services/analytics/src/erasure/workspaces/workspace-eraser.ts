import type { Clock, Logger } from '@millrace/runtime';
import type {
  AuditErasing,
  Records,
  StreamErasing,
  Versioned,
  WorkspaceDeletionRecord,
} from '@millrace/stores';
import { type Mutations, readBatch } from '../mutations.ts';
import { deadLettersOfWorkspace, type WorkspaceTarget } from './workspace-mutations.ts';

/**
 * How long after a workspace's end something may still be accepted for it: a verdict may be a minute old where auth and its
 * announcements were out of reach, a body takes at most half a minute, and ingest eight seconds; the rest is for clocks that differ.
 */
export const SETTLED_AFTER_MS = 120_000;
const KEPT_MS = 90 * 24 * 60 * 60 * 1_000;
/** Workspaces that one mutation deletes: each mutation rewrites the same parts. */
const MAX_TARGETS = 50;

/** What the worker works with. */
export interface WorkspaceEraserDeps {
  readonly records: Records<WorkspaceDeletionRecord>;
  readonly store: Mutations<WorkspaceTarget>;
  readonly stream: StreamErasing;
  readonly audit: AuditErasing;
  /** Keeps every shard's position, whatever of its newest rows is deleted. */
  readonly keepPositions: () => Promise<void>;
  /** Removes what else is stored of a workspace: settings, schemas, properties, jobs. */
  readonly removeSettings: (workspaceId: string) => Promise<void>;
  readonly newId: (nowMs: number) => string;
  readonly clock: Clock;
  readonly log: Logger;
  /** For tests: called where a process may die. */
  readonly failpoint?: ((name: EraserStep) => Promise<void>) | undefined;
}

/** Behind each of these something is done that whoever comes next must find. */
export type EraserStep =
  | 'pass begun'
  | 'batch recorded'
  | 'mutations sent'
  | 'dead letters deleted'
  | 'audit entries deleted'
  | 'settings removed'
  | 'pass ended';

/**
 * Moves the deletion of every workspace on by what can be done now, of which each step may be repeated. A pass deletes what was accepted
 * before it began, once that is stored. The first begins at once; a job is done when one finds nothing that began when nothing could be
 * accepted any more.
 */
export async function eraseWorkspacesOnce(deps: WorkspaceEraserDeps, signal: AbortSignal): Promise<void> {
  const jobs = [...deps.records.entries()].map(([, record]) => record);
  for (const job of jobs) if (job.value.status !== 'done') await beginPass(deps, job);
  const passing = jobs
    .map(({ value }) => deps.records.get(value.id))
    .filter((job) => job !== undefined)
    .filter(({ value }) => value.status !== 'done' && value.pass !== null);
  const rewriting = Map.groupBy(passing, ({ value }) => value.pass?.batch ?? '');
  const ready: Job[] = [];
  for (const job of rewriting.get('') ?? []) {
    if (ready.length < MAX_TARGETS && (await isStored(deps, job))) ready.push(job);
  }
  rewriting.delete('');
  for (const [batch, batchJobs] of rewriting) await watchBatch(deps, batch, batchJobs, signal);
  await beginBatch(deps, ready, signal);
  await tidy(deps, jobs);
}

type Job = Versioned<WorkspaceDeletionRecord>;
type Pass = NonNullable<WorkspaceDeletionRecord['pass']>;

async function beginPass(deps: WorkspaceEraserDeps, { value, revision }: Job): Promise<void> {
  const startedAtMs = deps.clock.now();
  if (value.pass !== null || startedAtMs < value.nextPassAtMs) return;
  const throughSeq = await deps.stream.lastSeq();
  const auditSeq = await deps.audit.lastSeq();
  const pass: Pass = { startedAtMs, throughSeq, auditSeq, batch: '' };
  await deps.records.update(value.id, { ...value, pass }, revision);
  await deps.failpoint?.('pass begun');
}

/** What isn't stored yet would be stored behind the mutation. */
async function isStored({ stream, audit }: WorkspaceEraserDeps, { value: { pass } }: Job): Promise<boolean> {
  if (pass === null) return false;
  return (await stream.isWritten(pass.throughSeq)) && (await audit.isStored(pass.auditSeq));
}

async function beginBatch(
  deps: WorkspaceEraserDeps,
  ready: readonly Job[],
  signal: AbortSignal,
): Promise<void> {
  const begun: Job[] = [];
  const nowMs = deps.clock.now();
  const batch = deps.newId(nowMs);
  for (const job of ready) {
    if ((await deps.store.remaining(targetsOf([job]))) === 0) {
      await endPass(deps, job, signal);
      continue;
    }
    const changed = await change(deps, job, ({ pass, startedAtMs }) => ({
      status: 'running',
      startedAtMs: startedAtMs ?? nowMs,
      pass: pass && { ...pass, batch },
      error: '',
    }));
    if (changed) begun.push(changed);
  }
  if (begun.length === 0) return;
  await deps.failpoint?.('batch recorded');
  await deps.keepPositions();
  deps.log.info({ batch, workspaces: begun.length }, 'deletion of workspaces begins');
  await deps.store.begin(batch, targetsOf(begun));
  await deps.failpoint?.('mutations sent');
}

async function watchBatch(
  deps: WorkspaceEraserDeps,
  batch: string,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<void> {
  const { store, log } = deps;
  const targets = targetsOf(jobs);
  const state = await readBatch(store, { batch, targets, log });
  if (state.kind === 'killed') {
    // Nobody could ask for it again.
    log.error({ batch }, 'the deletion of workspaces was killed in ClickHouse, and begins again');
    for (const job of jobs) await change(deps, job, () => ({ pass: null }));
    return;
  }
  if (state.kind === 'rewriting') {
    const { progress, error } = state;
    for (const job of jobs) {
      if (job.value.progress === progress && job.value.error === error) continue;
      await change(deps, job, () => ({ progress, error }));
    }
    return;
  }
  if (state.kind === 'incomplete') {
    // The rest is deleted by another one of the same name.
    await deps.keepPositions();
    log.info({ batch, mutations: state.mutations }, 'deletion of workspaces begins again');
    await store.begin(batch, targets);
    return;
  }
  for (const job of jobs) await endPass(deps, job, signal);
}

/** Nothing is left in the tables of what was accepted before the pass: removes the rest, and ends the job if the pass was its last. */
async function endPass(deps: WorkspaceEraserDeps, job: Job, signal: AbortSignal): Promise<void> {
  const { stream, audit, clock, log, failpoint } = deps;
  const { id, workspaceId, createdAtMs, pass } = job.value;
  if (pass === null) return;
  const letters = await stream.deleteDeadLetters(deadLettersOfWorkspace(workspaceId), signal);
  await failpoint?.('dead letters deleted');
  const entries = await audit.deleteEntries(workspaceId, signal);
  await failpoint?.('audit entries deleted');
  await deps.removeSettings(workspaceId);
  await failpoint?.('settings removed');
  const settledAtMs = createdAtMs + SETTLED_AFTER_MS;
  const nowMs = clock.now();
  const startedAtMs = job.value.startedAtMs ?? nowMs;
  if (pass.startedAtMs < settledAtMs) {
    const next = { pass: null, nextPassAtMs: settledAtMs, progress: 1, error: '' };
    await change(deps, job, () => ({ status: 'running', startedAtMs, ...next }));
    await failpoint?.('pass ended');
    return;
  }
  const end = { status: 'done', startedAtMs, finishedAtMs: nowMs, progress: 1, error: '' } as const;
  await change(deps, job, () => end);
  log.info({ id, workspaceId, letters, entries }, 'deletion of a workspace is done');
}

/** Tells when the stream has nothing of the workspace any more, and forgets the job after 90 days. */
async function tidy({ records, stream, clock }: WorkspaceEraserDeps, jobs: readonly Job[]): Promise<void> {
  const nowMs = clock.now();
  const done = jobs.filter(({ value }) => value.status === 'done');
  for (const { value, revision } of done) {
    if (nowMs - (value.finishedAtMs ?? nowMs) < KEPT_MS || value.streamClearedAtMs === null) continue;
    await records.remove(value.id, revision);
  }
  const uncleared = done.filter(({ value }) => value.streamClearedAtMs === null);
  if (uncleared.length === 0) return;
  const firstSeq = await stream.firstSeq();
  for (const { value, revision } of uncleared) {
    if ((value.pass?.throughSeq ?? 0) >= firstSeq) continue;
    await records.update(value.id, { ...value, streamClearedAtMs: nowMs }, revision);
  }
}

/** Changes a job as it is now; one that another process has changed meanwhile is left for the next look. */
async function change(
  { records }: WorkspaceEraserDeps,
  job: Job,
  changes: (record: WorkspaceDeletionRecord) => Partial<WorkspaceDeletionRecord>,
): Promise<Job | undefined> {
  const { value, revision } = records.get(job.value.id) ?? job;
  const next = { ...value, ...changes(value) };
  const outcome = await records.update(value.id, next, revision);
  return outcome.kind === 'written' ? { value: next, revision: outcome.revision } : undefined;
}

function targetsOf(jobs: readonly Job[]): WorkspaceTarget[] {
  return jobs.map(({ value: { workspaceId, pass } }) => ({ workspaceId, throughSeq: pass?.throughSeq ?? 0 }));
}
