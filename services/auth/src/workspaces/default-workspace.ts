import { type Clock, MillraceError, uuidv7 } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import { type Origin, recordOwnEntry } from '../actor.ts';
import type { AuthStore } from '../store/auth-store.ts';
import { keepSetting } from '../store/auth-store.ts';
import { changeRecord } from '../store/change-record.ts';
import { normalizedEmail, type UserRecord, userKey } from '../store/user-record.ts';
import { type MemberRecord, newWorkspace } from '../store/workspace-record.ts';

/** Finds or makes the default workspace and returns its id; replicas that start together agree on one. */
export async function ensureDefaultWorkspace(options: {
  store: AuthStore;
  configuredId: string | undefined;
  clock: Clock;
}): Promise<string> {
  const { store, clock } = options;
  const keptId = await keepSetting(
    store.settings,
    'default-workspace',
    options.configuredId ?? uuidv7(clock.now()),
  );
  const id = options.configuredId ?? keptId;
  const known = store.workspaces.get(id)?.value;
  if (known === undefined) {
    // A conflict means that another replica has just made the same workspace.
    const created = newWorkspace({ id, name: 'Default', createdAtMs: clock.now(), members: [] });
    await store.workspaces.create(id, created);
  }
  if (known?.deletion) {
    throw new MillraceError(
      'failed_precondition',
      `BOOTSTRAP_WORKSPACE_ID: ${id} was deleted, and no id is used twice: set another one`,
    );
  }
  return id;
}

/** Makes the owner of the installation an owner of the default workspace if they have signed in before; at start. */
export async function ensureBootstrapOwner(dependencies: {
  store: AuthStore;
  clock: Clock;
  audit: AuditLog;
  defaultWorkspaceId: string;
  /** `BOOTSTRAP_OWNER_EMAIL`. */
  ownerEmail: string | undefined;
}): Promise<void> {
  const { store, ownerEmail } = dependencies;
  if (ownerEmail === undefined) return;
  const user = store.users.get(userKey(normalizedEmail(ownerEmail)))?.value;
  if (user !== undefined) await makeBootstrapOwner(dependencies, user);
}

/** Makes a user an owner of the default workspace; repeating it changes nothing. */
export async function makeBootstrapOwner(
  dependencies: {
    store: AuthStore;
    clock: Clock;
    audit: AuditLog;
    defaultWorkspaceId: string;
    origin?: Origin;
  },
  user: UserRecord,
): Promise<void> {
  const { store, clock, defaultWorkspaceId } = dependencies;
  let before: MemberRecord | undefined;
  let changed = false;
  await changeRecord(store.workspaces, defaultWorkspaceId, (workspace) => {
    before = workspace.members.find(({ userId }) => userId === user.id);
    changed = before?.role !== 'owner';
    if (!changed) return undefined;
    const others = workspace.members.filter((member) => member !== before);
    const joinedAtMs = before?.joinedAtMs ?? clock.now();
    const owner: MemberRecord = { userId: user.id, role: 'owner', joinedAtMs };
    return { ...workspace, members: [...others, owner] };
  });
  if (!changed) return;
  await recordOwnEntry(dependencies, {
    user,
    workspaceId: defaultWorkspaceId,
    action: before === undefined ? 'member.joined' : 'member.role_changed',
    target: { type: 'member', id: user.id },
    details: { role: 'owner', reason: 'BOOTSTRAP_OWNER_EMAIL' },
  });
}

/** Whether an address in its normal form is that of the installation's owner. */
export function isBootstrapOwner(email: string, ownerEmail: string | undefined): boolean {
  return ownerEmail !== undefined && normalizedEmail(ownerEmail) === email;
}
