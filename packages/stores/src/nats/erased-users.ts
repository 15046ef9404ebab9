import type { Clock, Logger } from '@millrace/runtime';
import { z } from 'zod';
import type { NatsConnection } from './connect.ts';
import { openRecords, type Records } from './kv/records.ts';

/** What tells whether an event is deleted; the user is asked for only where the workspace has deleted anybody's. */
export interface ErasableEvent {
  readonly workspaceId: string;
  readonly position: { readonly seq: number };
  readonly userId: string;
}

/** Whose events in the stream nobody is shown any more. */
export interface ErasedUsers {
  /** Whether an event of the stream is a deleted user's, accepted before the deletion was asked for. */
  isErased(event: ErasableEvent): boolean;
}

/** What of a deletion's record says whose events it is about, and up to where in the stream. */
export interface ErasedUser {
  readonly workspaceId: string;
  /** Empty once nothing of them is left in the stream. */
  readonly userId: string;
  readonly throughSeq: number;
}

/** Follows the deletions. */
export function followErasedUsers<T extends ErasedUser>(records: Records<T>): ErasedUsers {
  const erased = new Map<string, Map<string, number>>();
  const refresh = (workspaceId: string): void => {
    const users = new Map<string, number>();
    for (const [, { value }] of records.entries()) {
      if (value.workspaceId !== workspaceId || value.userId === '') continue;
      users.set(value.userId, Math.max(users.get(value.userId) ?? 0, value.throughSeq));
    }
    if (users.size === 0) erased.delete(workspaceId);
    else erased.set(workspaceId, users);
  };
  const workspaceIds = new Set([...records.entries()].map(([, { value }]) => value.workspaceId));
  for (const workspaceId of workspaceIds) refresh(workspaceId);
  records.onChange((change) => {
    const record = change.kind === 'put' ? change.value : change.previous;
    const before = change.previous;
    const isNews = change.kind === 'removed' || before?.userId !== record.userId;
    if (isNews) refresh(record.workspaceId);
  });
  return {
    isErased(event) {
      const users = erased.get(event.workspaceId);
      return users !== undefined && event.position.seq <= (users.get(event.userId) ?? 0);
    },
  };
}

const erasedUser = z.object({ workspaceId: z.string(), userId: z.string(), throughSeq: z.number() });

/** Opens the deletions for whoever reads the stream and works none of them off. */
export async function openErasedUsers(options: {
  connection: NatsConnection;
  /** Copies of each record: 3 in a cluster, 1 otherwise. */
  replicas: number;
  clock: Clock;
  log: Logger;
}): Promise<ErasedUsers & { close(): Promise<void> }> {
  const parse = (stored: unknown): ErasedUser => erasedUser.parse(stored);
  const records = await openRecords({ ...options, bucket: 'deletions', parse });
  return { ...followErasedUsers(records), close: () => records.close() };
}
