import type { Clock, Logger } from '@millrace/runtime';
import { z } from 'zod';
import type { NatsConnection } from './connect.ts';
import { openRecords, type Records } from './kv/records.ts';

const passRecord = z.object({
  startedAtMs: z.number(),
  /** The last sequence of `EVENTS` at that time: what was accepted before has this one or a lower one. */
  throughSeq: z.number(),
  /** The last sequence of `AUDIT` at that time. */
  auditSeq: z.number(),
  /** Names its mutations, with others'; empty until there are any. */
  batch: z.string(),
});

/** A job that deletes what a workspace has stored, under its id. Auth asks for it, analytics works it off. */
export const workspaceDeletionRecord = z.object({
  id: z.string(),
  workspaceId: z.string(),
  /** The user who asked, and may watch it. */
  requestedBy: z.string(),
  status: z.enum(['pending', 'running', 'done']),
  /** When the workspace ended. */
  createdAtMs: z.number(),
  startedAtMs: z.number().nullable(),
  finishedAtMs: z.number().nullable(),
  /** The search for what is stored that is under way, or was the last one; null between two. */
  pass: passRecord.nullable(),
  /** When the next one begins. */
  nextPassAtMs: z.number(),
  progress: z.number(),
  error: z.string(),
  /** When the stream had dropped the last of the events. */
  streamClearedAtMs: z.number().nullable(),
});

/** What `workspaceDeletionRecord` yields. */
export type WorkspaceDeletionRecord = Readonly<z.output<typeof workspaceDeletionRecord>>;

/** Opens the jobs and returns when all of them are known; from then on changes arrive by watch. */
export function openWorkspaceDeletions(options: {
  connection: NatsConnection;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  replicas: number;
  clock: Clock;
  log: Logger;
}): Promise<Records<WorkspaceDeletionRecord>> {
  const parse = (stored: unknown) => workspaceDeletionRecord.parse(stored);
  return openRecords({ ...options, bucket: 'workspace-deletions', parse });
}

/** A job as it begins. */
export function newWorkspaceDeletion(
  job: Pick<WorkspaceDeletionRecord, 'id' | 'workspaceId' | 'requestedBy' | 'createdAtMs'>,
): WorkspaceDeletionRecord {
  return {
    ...job,
    status: 'pending',
    startedAtMs: null,
    finishedAtMs: null,
    pass: null,
    nextPassAtMs: job.createdAtMs,
    progress: 0,
    error: '',
    streamClearedAtMs: null,
  };
}

const owned = z.object({ workspaceId: z.string() });

/** Removes the records of a workspace from a bucket whose records name theirs as `workspaceId`; tells how many. */
export async function removeWorkspaceRecords(options: {
  connection: NatsConnection;
  replicas: number;
  bucket: string;
  workspaceId: string;
  clock: Clock;
  log: Logger;
}): Promise<number> {
  // Only whose they are is kept of them: all workspaces' schemas together may be large.
  const records = await openRecords({ ...options, parse: (stored) => owned.parse(stored) });
  try {
    return await removeOwned(records, options.workspaceId);
  } finally {
    await records.close();
  }
}

/** Removes the records of a workspace; one that is changed at the same moment stays for the next time. Tells how many. */
export async function removeOwned(
  records: Records<{ readonly workspaceId: string }>,
  workspaceId: string,
): Promise<number> {
  let removed = 0;
  for (const [recordKey, { value, revision }] of [...records.entries()]) {
    if (value.workspaceId !== workspaceId) continue;
    if ((await records.remove(recordKey, revision)).kind === 'written') removed++;
  }
  return removed;
}
