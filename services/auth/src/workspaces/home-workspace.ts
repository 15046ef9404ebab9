import type { Clock } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import { type Origin, recordOwnEntry } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import type { Memberships } from '../store/memberships.ts';
import { type UserRecord, userKey } from '../store/user-record.ts';
import { newWorkspace } from '../store/workspace-record.ts';
import { isBootstrapOwner, makeBootstrapOwner } from './default-workspace.ts';

const LONGEST_SHOWN_NAME = 64;

/** Which workspace a new user's sessions begin in: the default one for the owner of the installation, else a new one. */
export function homeWorkspaceIdFor(options: {
  /** In the form of `normalizedEmail`. */
  email: string;
  /** `BOOTSTRAP_OWNER_EMAIL`. */
  ownerEmail: string | undefined;
  defaultWorkspaceId: string;
  newId: () => string;
}): string {
  return isBootstrapOwner(options.email, options.ownerEmail) ? options.defaultWorkspaceId : options.newId();
}

/**
 * Makes a user's home workspace, owned by them, unless it is or was there: then its members decide who belongs to it, and
 * nobody comes back by signing in; one that was deleted stays so. Who belongs to no workspace at all gets a new home.
 * The owner of the installation becomes an owner of the default workspace, whenever the operator has named them.
 * Safe to repeat, and for several replicas at once.
 */
export async function ensureHomeWorkspace(
  dependencies: {
    store: AuthStore;
    memberships: Memberships;
    clock: Clock;
    audit: AuditLog;
    defaultWorkspaceId: string;
    /** `BOOTSTRAP_OWNER_EMAIL`. */
    ownerEmail: string | undefined;
    newId: () => string;
    /** The request that proved the address, for the audit log. */
    origin?: Origin;
  },
  user: UserRecord,
): Promise<void> {
  const { store, newId } = dependencies;
  if (isBootstrapOwner(user.email, dependencies.ownerEmail)) {
    await makeBootstrapOwner(dependencies, user);
    return;
  }
  if (store.workspaces.get(user.homeWorkspaceId) === undefined) {
    await createHome(dependencies, user);
    return;
  }
  if (dependencies.memberships.workspacesOf(user.id).length > 0) return;
  const moved = await changeRecord(store.users, userKey(user.email), (stored) =>
    // Of two sign-ins at once the second finds the first one's choice.
    stored.homeWorkspaceId === user.homeWorkspaceId ? { ...stored, homeWorkspaceId: newId() } : undefined,
  );
  if (moved !== undefined) await createHome(dependencies, moved);
}

async function createHome(
  dependencies: { store: AuthStore; clock: Clock; audit: AuditLog; origin?: Origin },
  user: UserRecord,
): Promise<void> {
  const nowMs = dependencies.clock.now();
  const name = nameFor(user.email);
  const members = [{ userId: user.id, role: 'owner', joinedAtMs: nowMs }] as const;
  const outcome = await dependencies.store.workspaces.create(
    user.homeWorkspaceId,
    newWorkspace({ id: user.homeWorkspaceId, name, createdAtMs: nowMs, members }),
  );
  // Another replica has just made the same workspace, and tells of it.
  if (outcome.kind === 'conflict') return;
  await recordOwnEntry(dependencies, {
    user,
    workspaceId: user.homeWorkspaceId,
    action: 'workspace.created',
    target: { type: 'workspace', id: user.homeWorkspaceId },
    details: { name },
  });
}

function nameFor(email: string): string {
  const localPart = email.slice(0, email.lastIndexOf('@'));
  return `${localPart.slice(0, LONGEST_SHOWN_NAME)}'s workspace`;
}
