import { createHash } from 'node:crypto';
import { fieldError } from '@millrace/runtime';
import { z } from 'zod';

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
