import { createHash } from 'node:crypto';
import { fieldError } from '@millrace/runtime';
import { z } from 'zod';
import type { AuthStore } from './auth-store.ts';

/** A person, as they are stored under `userKey` of their address: so an address can't be two users. */
export const userRecord = z.object({
  id: z.string(),
  /** In the form of `normalizedEmail`. */
  email: z.string(),
  createdAtMs: z.number(),
  /** The workspace that a session acts in when no other is asked for. */
  homeWorkspaceId: z.string(),
  /** Sessions that began before are refused. */
  sessionsValidFromMs: z.number(),
});

/** What `userRecord` yields. */
export type UserRecord = Readonly<z.output<typeof userRecord>>;

// HTML's own definition, which knows names without a dot, such as localhost.
const address = z.string().trim().max(254).regex(z.regexes.html5Email);

/** An address in the one form that is stored and compared; otherwise `invalid_argument`. */
export function normalizedEmail(given: string): string {
  const parsed = address.safeParse(given);
  if (!parsed.success) throw fieldError('email', 'Invalid email format');
  return parsed.data.toLowerCase();
}

/** The record key of an address in its normal form. */
export function userKey(email: string): string {
  return createHash('sha256').update(email).digest('base64url');
}

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
