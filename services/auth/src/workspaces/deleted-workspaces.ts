import type { Clock, Logger } from '@millrace/runtime';
import { type AuditLog, newWorkspaceDeletion } from '@millrace/stores';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import { jobOf } from './delete-workspace.ts';

/** Sees to it that nothing stays of workspaces that were deleted, whoever was killed on the way. */
export interface DeletedWorkspaces {
  /** Removes a workspace's credentials, and has the job and the audit log know of its deletion; repeating it changes nothing. */
  handOver(workspaceId: string): Promise<void>;
  /** Does so for what was left undone. */
  look(): Promise<void>;
  close(): Promise<void>;
}

const LOOK_MS = 10_000;
/** Whoever was asked has so long to do it, before others do. */
const GRACE_MS = 10_000;

/**
 * Follows the workspaces and their credentials: one may be issued at the moment in which its workspace ends. Each replica looks at each
 * deletion once more after a while, and at all of them when it starts.
 */
export function followDeletedWorkspaces(options: {
  store: AuthStore;
  ids: CredentialIds;
  audit: AuditLog;
  /** Whose audit log tells of the deletion: the deleted workspace's goes with it. */
  defaultWorkspaceId: string;
  clock: Clock;
  log: Logger;
  lookMs?: number;
}): DeletedWorkspaces {
  const { store, ids, audit, clock, log } = options;
  const { credentials, workspaces, workspaceDeletions: jobs } = store;
  const undone = new Set<string>();
  const note = (workspaceId: string): void => {
    if (workspaces.get(workspaceId)?.value.deletion) undone.add(workspaceId);
  };
  for (const [workspaceId] of workspaces.entries()) note(workspaceId);
  workspaces.onChange(({ recordKey }) => note(recordKey));
  credentials.onChange((change) => {
    if (change.kind === 'put') note(change.value.workspaceId);
  });

  const removeCredentials = async (workspaceId: string): Promise<void> => {
    for (const { recordKey } of [...ids.of(workspaceId)]) {
      const known = credentials.get(recordKey);
      // A conflict is somebody else's change, which is seen here and looked at again.
      if (known !== undefined) await credentials.remove(recordKey, known.revision);
    }
  };

  const handOver = async (workspaceId: string): Promise<void> => {
    const deletion = (await workspaces.read(workspaceId))?.value.deletion;
    if (!deletion) return;
    await removeCredentials(workspaceId);
    const { request } = deletion;
    if (request === null) return;
    if ((await jobs.read(deletion.id)) === undefined) {
      await audit.record({
        workspaceId: options.defaultWorkspaceId,
        action: 'workspace.deleted',
        outcome: 'succeeded',
        actor: request,
        target: { type: 'workspace', id: workspaceId },
        details: { deletionId: deletion.id },
      });
      const job = newWorkspaceDeletion(jobOf(workspaceId, deletion, request.userId));
      await jobs.create(deletion.id, job);
      log.info({ workspaceId, deletionId: deletion.id }, 'a workspace was deleted');
    }
    await changeRecord(workspaces, workspaceId, (workspace) =>
      workspace.deletion === null
        ? undefined
        : { ...workspace, deletion: { ...workspace.deletion, request: null } },
    );
  };

  const isClean = (workspaceId: string): boolean =>
    workspaces.get(workspaceId)?.value.deletion?.request === null && [...ids.of(workspaceId)].length === 0;

  const look = async (): Promise<void> => {
    for (const workspaceId of [...undone]) {
      const deletion = workspaces.get(workspaceId)?.value.deletion;
      if (deletion && clock.now() - deletion.atMs < GRACE_MS) continue;
      try {
        if (!isClean(workspaceId)) await handOver(workspaceId);
      } catch (error) {
        log.warn({ workspaceId, err: error }, 'what is left of a deleted workspace can not be removed yet');
        return;
      }
      if (isClean(workspaceId)) undone.delete(workspaceId);
    }
  };

  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, options.lookMs ?? LOOK_MS).unref();
  return {
    handOver,
    look,
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}
