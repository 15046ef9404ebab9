import type { AuthStore } from './auth-store.ts';
import type { UserRecord } from './user-record.ts';

/** Finds users by their id; no I/O. */
export interface UserIndex {
  byId(userId: string): UserRecord | undefined;
}

/** Keeps the ids of all users in memory, following the index by address. */
export function indexUsers(users: AuthStore['users']): UserIndex {
  const recordKeys = new Map<string, string>();
  for (const [recordKey, { value }] of users.entries()) recordKeys.set(value.id, recordKey);
  users.onChange((change) => {
    if (change.kind === 'put') recordKeys.set(change.value.id, change.recordKey);
    else recordKeys.delete(change.previous.id);
  });
  return {
    byId(userId) {
      const recordKey = recordKeys.get(userId);
      return recordKey === undefined ? undefined : users.get(recordKey)?.value;
    },
  };
}
