import { type Clock, uuidv7 } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';
import { keepSetting } from '../store/shared-setting.ts';

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
  if (store.workspaces.get(id) === undefined) {
    // A conflict means that another replica has just made the same workspace.
    const created = { id, name: 'Default', createdAtMs: clock.now() };
    await store.workspaces.create(id, { ...created, members: [], invitations: [], rateLimit: null });
  }
  return id;
}
