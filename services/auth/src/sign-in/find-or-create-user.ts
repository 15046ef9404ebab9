import { type Clock, MillraceError } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';
import { type UserRecord, userKey } from '../store/user-record.ts';
import { homeWorkspaceIdFor } from '../workspaces/home-workspace.ts';

/** The user of an address that was just proven; the first time it makes them. Replicas that do so agree on one. */
export async function findOrCreateUser(
  dependencies: {
    store: AuthStore;
    clock: Clock;
    defaultWorkspaceId: string;
    ownerEmail: string | undefined;
    newId: () => string;
  },
  email: string,
): Promise<UserRecord> {
  const { store, clock, newId } = dependencies;
  const recordKey = userKey(email);
  const known = store.users.get(recordKey);
  if (known !== undefined) return known.value;
  const user: UserRecord = {
    id: newId(),
    email,
    createdAtMs: clock.now(),
    homeWorkspaceId: homeWorkspaceIdFor({ ...dependencies, email }),
    sessionsValidFromMs: 0,
  };
  const outcome = await store.users.create(recordKey, user);
  if (outcome.kind === 'written') return user;
  const other = await store.users.read(recordKey);
  if (other === undefined) throw new MillraceError('aborted', 'the user was removed while signing in');
  return other.value;
}
