import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import { fieldError, MillraceError, wholeMs } from '@millrace/runtime';
import type { NewAuditEntry } from '@millrace/stores';
import { z } from 'zod';
import { allows } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import type { CredentialIds } from '../store/credential-ids.ts';
import type { CredentialRecord } from '../store/credential-record.ts';
import { OWN_PERMISSIONS, permissionsWithin } from '../store/role.ts';
import { existing, type WorkspaceRecord } from '../store/workspace-record.ts';

const MAX_PERMISSIONS = 64;
/** The end of the year 9999, in milliseconds: the last instant that RFC 3339 can write. */
const LAST_INSTANT_MS = 253_402_300_799_999;

const name = z.string().min(1, 'must not be empty').max(128, 'at most 128 characters');
const permissions = z
  .array(
    z.string().regex(/^(\*|[A-Za-z0-9][A-Za-z0-9_.:*-]{0,63})$/, {
      error: 'each is * or 1 to 64 letters, digits and _ . : * -, beginning with a letter or a digit',
    }),
  )
  .max(MAX_PERMISSIONS, `at most ${MAX_PERMISSIONS}`);

/** A credential's name, 1 to 128 characters; otherwise `invalid_argument`. */
export function checkedName(value: string): string {
  return checked('name', name, value);
}

/** Permissions, each once, at most 64 of at most 64 characters; otherwise `invalid_argument`. */
export function checkedPermissions(values: readonly string[]): readonly string[] {
  return [...new Set(checked('permissions', permissions, values))];
}

/** When a credential expires, in milliseconds since 1970: after now and before the year 10000. */
export function checkedExpiry(expiresAt: Timestamp, nowMs: number): number {
  const expiresAtMs = wholeMs(expiresAt, 'expires_at');
  if (expiresAtMs <= nowMs) throw fieldError('expires_at', 'must be in the future');
  if (!(expiresAtMs <= LAST_INSTANT_MS)) {
    throw fieldError('expires_at', 'must be before the year 10000');
  }
  return expiresAtMs;
}

function checked<T>(field: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fieldError(field, issue?.message ?? 'invalid');
}

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

/** Throws `permission_denied`, naming it, for a permission that may not be given. */
type RequireGivable = (permissions: readonly string[]) => void;

/**
 * Tells what an actor may give in a workspace: of Millrace's own permissions those they have, of the clients' own all.
 * A person's are judged by the store, not by the verdict that let them in: somebody who was removed a moment ago
 * must not leave a key behind. A key's bearer has what the key allows. `not_found` for an unknown workspace.
 */
export async function judgeGiving(options: {
  store: AuthStore;
  ids: CredentialIds;
  workspaceId: string;
  actor: Actor;
}): Promise<{ workspace: WorkspaceRecord; requireGivable: RequireGivable }> {
  const { store, ids, workspaceId, actor } = options;
  const workspace = existing((await store.workspaces.read(workspaceId))?.value);
  const isPerson = actor.userId !== '' && !ids.has(workspaceId, actor.credentialId);
  const held = isPerson ? heldNow(workspace, actor) : actor.permissions;
  return {
    workspace,
    requireGivable(permissions) {
      const beyond = permissions.find(
        (permission) => OWN_PERMISSIONS.has(permission) && !(held && allows(held, permission)),
      );
      if (beyond !== undefined) {
        throw new MillraceError(
          'permission_denied',
          `the permission ${beyond} can only be given by who has it`,
        );
      }
      if (held === undefined) {
        throw new MillraceError('permission_denied', 'only a member can issue or change credentials');
      }
    },
  };
}

function heldNow(workspace: WorkspaceRecord, actor: Actor): readonly string[] | undefined {
  const role = workspace.members.find(({ userId }) => userId === actor.userId)?.role;
  return role && permissionsWithin(role, actor.permissions);
}

/** What the audit log says of a credential: never its secret, its hash or its proof. */
export function credentialEntry(
  action: string,
  options: {
    record: CredentialRecord;
    actor: Actor;
    details?: Readonly<Record<string, unknown>>;
  },
): Omit<NewAuditEntry, 'outcome'> {
  const { record, actor, details } = options;
  return {
    workspaceId: record.workspaceId,
    action,
    actor,
    target: { type: 'credential', id: record.id },
    details: { name: record.name, kind: record.kind, permissions: record.permissions, ...details },
  };
}
