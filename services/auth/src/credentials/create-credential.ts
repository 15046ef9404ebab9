import { type CreateCredentialRequest, CredentialKind } from '@millrace/contracts/millrace/auth/v1/auth';
import { type Clock, fieldError } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import { requiredActor } from '../actor.ts';
import { recordingRefusals } from '../recording-refusals.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import type { CredentialRecord } from '../store/credential-record.ts';
import { checkedRateLimit } from '../store/rate-limit.ts';
import { requireRoomForCredential } from './active-limit.ts';
import { credentialDeed } from './credential-deed.ts';
import { checkedExpiry, checkedName, checkedPermissions } from './credential-input.ts';
import { judgeGiving } from './givable-permissions.ts';
import type { IssueCredential, IssuedKind } from './issue-credential.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** The kinds that are issued, and how long one lives of which nothing else is said; null for ever. */
const ISSUED = new Map<CredentialKind, { stored: IssuedKind; lifetimeMs: number | null }>([
  [CredentialKind.ANALYTICS_KEY, { stored: 'analytics_key', lifetimeMs: null }],
  [CredentialKind.SECRET_KEY, { stored: 'secret_key', lifetimeMs: null }],
  [CredentialKind.EXTERNAL_EVENT_TOKEN, { stored: 'external_event_token', lifetimeMs: 365 * DAY_MS }],
]);

/** Issues a credential; the secret is in this answer only. */
export async function createCredential(
  dependencies: {
    store: AuthStore;
    ids: CredentialIds;
    issue: IssueCredential;
    audit: AuditLog;
    clock: Clock;
  },
  request: CreateCredentialRequest,
): Promise<{ record: CredentialRecord; secret: string }> {
  const { store, ids, audit } = dependencies;
  const { workspaceId, userId } = request;
  const actor = requiredActor(request.actor);
  const kind = ISSUED.get(request.kind);
  if (kind === undefined) throw fieldError('kind', 'this kind is not issued');
  const nowMs = dependencies.clock.now();
  const name = checkedName(request.name);
  const permissions = checkedPermissions(request.permissions);
  const rateLimit = request.rateLimit ? checkedRateLimit(request.rateLimit) : null;
  const expiresAtMs = request.expiresAt
    ? checkedExpiry(request.expiresAt, nowMs)
    : kind.lifetimeMs && nowMs + kind.lifetimeMs;
  const { workspace, requireGivable } = await judgeGiving({ store, ids, workspaceId, actor });
  // Such a token is its user's and ends with their membership, so for anybody else it would never work.
  const needsMember = kind.stored === 'external_event_token' && userId !== '';
  if (needsMember && !workspace.members.some((member) => member.userId === userId)) {
    throw fieldError('user_id', 'is not a member of the workspace');
  }
  const attempted = {
    workspaceId,
    action: 'credential.created',
    actor,
    target: { type: 'credential', id: '' },
    details: { name, kind: kind.stored, permissions },
  };
  await recordingRefusals(audit, attempted, () => requireGivable(permissions));
  requireRoomForCredential(ids, workspaceId, nowMs);
  const wanted = { workspaceId, userId, kind: kind.stored, name, permissions, expiresAtMs, rateLimit };
  const { record, secret } = await dependencies.issue(wanted, nowMs);
  const details = { userId, expiresAtMs, rateLimit };
  await audit.record({
    ...credentialDeed('credential.created', { record, actor, details }),
    outcome: 'succeeded',
  });
  return { record, secret };
}
