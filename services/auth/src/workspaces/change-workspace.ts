import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type { AuditLog, Deed } from '@millrace/stores';
import { recordingRefusals } from '../recording-refusals.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import { type WorkspaceRecord, workspaceNotFound } from '../store/workspace-record.ts';

/** What changing a workspace needs. */
export interface WorkspaceChanges {
  readonly store: AuthStore;
  readonly audit: AuditLog;
}

/** What is to be done to a workspace, and by whom. */
export interface WorkspaceDeed {
  readonly workspaceId: string;
  readonly actor: Actor;
  /** For example `member.invited`. */
  readonly action: string;
  readonly target: Deed['target'];
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Changes a workspace by compare-and-set; `change` judges the record as it is at that moment and throws to refuse,
 * which is recorded when the reason is the actor's standing. Recording the success is the caller's, who knows the rest.
 */
export async function changeWorkspace(
  { store, audit }: WorkspaceChanges,
  deed: WorkspaceDeed,
  change: (workspace: WorkspaceRecord) => WorkspaceRecord,
): Promise<WorkspaceRecord> {
  return recordingRefusals(audit, deed, async () => {
    const changed = await changeRecord(store.workspaces, deed.workspaceId, change);
    if (changed === undefined) throw workspaceNotFound();
    return changed;
  });
}
