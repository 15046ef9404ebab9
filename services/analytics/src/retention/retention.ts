import { fieldError, MillraceError } from '@millrace/runtime';
import type { Records } from '@millrace/stores';
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
