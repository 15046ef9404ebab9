import type { RotateCredentialRequest } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, fieldError, MillraceError } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import { recordingRefusals, requiredActor } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord, removeRecord } from '../store/change-record.ts';
import {
  type CredentialIds,
  credentialNotFound,
  refuseEnvironmentCredential,
} from '../store/credential-ids.ts';
import type { CredentialRecord } from '../store/credential-record.ts';
import type { IssueCredential, NewCredential } from './create-credential.ts';
import { credentialEntry, judgeGiving, requireRoomForCredential } from './credential-rules.ts';

const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60;

/**
 * Issues a successor with the same name, rights and length of life, then ends the old credential: after the overlap,
 * or at once without one. The successor comes first, so that a call that breaks off leaves nobody without a key.
 */
export async function rotateCredential(
  dependencies: {
    store: AuthStore;
    ids: CredentialIds;
    issue: IssueCredential;
    audit: AuditLog;
    clock: Clock;
  },
  request: RotateCredentialRequest,
): Promise<{ record: CredentialRecord; secret: string }> {
  const { store, ids, issue, audit } = dependencies;
  const actor = requiredActor(request.actor);
  const { overlapSeconds } = request;
  if (overlapSeconds > MAX_OVERLAP_SECONDS) {
    throw fieldError('overlap_seconds', `at most ${MAX_OVERLAP_SECONDS}, 30 days`);
  }
  const nowMs = dependencies.clock.now();
  const { workspaceId, id } = request;
  const recordKey = ids.find(workspaceId, id);
  const stored = await store.credentials.read(recordKey);
  if (stored === undefined) throw credentialNotFound();
  const old = stored.value;
  const wanted = successorOf(old, nowMs);
  const attempted = credentialEntry('credential.rotated', { record: old, actor });
  const { requireGivable } = await judgeGiving({ store, ids, workspaceId, actor });
  await recordingRefusals(audit, attempted, () => requireGivable(old.permissions));
  // Without an overlap there is not one more credential afterwards.
  if (overlapSeconds > 0) requireRoomForCredential(ids, old.workspaceId, nowMs);
  const successor = await issue(wanted, nowMs);
  const ended = await changeRecord(store.credentials, recordKey, (record) =>
    endedAfter(record, { nowMs, overlapSeconds }),
  );
  if (ended === undefined) {
    await removeRecord(store.credentials, successor.recordKey, () => undefined);
    throw credentialNotFound();
  }
  const details = { successorId: successor.record.id, overlapSeconds };
  await audit.record({
    ...credentialEntry('credential.rotated', { record: ended, actor, details }),
    outcome: 'succeeded',
  });
  return successor;
}

function successorOf(old: CredentialRecord, nowMs: number): NewCredential {
  refuseEnvironmentCredential(old);
  const { kind, expiresAtMs } = old;
  if (kind === 'environment') {
    throw new MillraceError('failed_precondition', 'a credential of this kind is not issued');
  }
  if (!old.active || (expiresAtMs !== null && expiresAtMs <= nowMs)) {
    throw new MillraceError('failed_precondition', 'only a credential that works can be rotated');
  }
  return {
    workspaceId: old.workspaceId,
    userId: old.userId,
    kind,
    name: old.name,
    permissions: old.permissions,
    rateLimit: old.rateLimit,
    expiresAtMs: expiresAtMs && nowMs + (expiresAtMs - old.createdAtMs),
  };
}

function endedAfter(
  record: CredentialRecord,
  { nowMs, overlapSeconds }: { nowMs: number; overlapSeconds: number },
): CredentialRecord {
  if (overlapSeconds === 0) return { ...record, active: false };
  const endMs = nowMs + overlapSeconds * 1000;
  return { ...record, expiresAtMs: Math.min(record.expiresAtMs ?? endMs, endMs) };
}
