import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { rateLimitRecord } from './rate-limit.ts';
import { roleName } from './role.ts';

const memberRecord = z.object({
  userId: z.string(),
  role: roleName,
  joinedAtMs: z.number(),
});

const invitationRecord = z.object({
  id: z.string(),
  /** In the form of `normalizedEmail`. */
  email: z.string(),
  role: roleName,
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
});

/** A tenant with everybody who belongs to it, as it is stored under its id. */
export const workspaceRecord = z.object({
  id: z.string(),
  name: z.string(),
  createdAtMs: z.number(),
  members: z.array(memberRecord).readonly().default([]),
  invitations: z.array(invitationRecord).readonly().default([]),
  /** Of each credential that has none of its own; null for none. */
  rateLimit: rateLimitRecord.nullable().default(null),
});

/** What `workspaceRecord` yields. */
export type WorkspaceRecord = Readonly<z.output<typeof workspaceRecord>>;

/** A user of a workspace. */
export type MemberRecord = Readonly<z.output<typeof memberRecord>>;

/** An address that becomes a member when it signs in. */
export type InvitationRecord = Readonly<z.output<typeof invitationRecord>>;

/** The answer to an id that the caller can't see, whether or not there is such a workspace. */
export function workspaceNotFound(): MillraceError {
  return new MillraceError('not_found', 'no such workspace');
}
