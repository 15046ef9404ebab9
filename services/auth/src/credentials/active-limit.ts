import { MillraceError } from '@millrace/runtime';
import type { CredentialIds } from '../store/credential-ids.ts';

/** Credentials of a workspace that work. Requests at the same moment may pass it by a few. */
const MAX_ACTIVE = 1_000;

/** Throws `failed_precondition` when a workspace has as many working credentials as it may. */
export function requireRoomForCredential(ids: CredentialIds, workspaceId: string, nowMs: number): void {
  let active = 0;
  for (const { value } of ids.of(workspaceId)) {
    if (value.active && (value.expiresAtMs === null || value.expiresAtMs > nowMs)) active++;
  }
  if (active < MAX_ACTIVE) return;
  throw new MillraceError(
    'failed_precondition',
    `a workspace has at most ${MAX_ACTIVE} active credentials: deactivate or delete one first`,
  );
}
