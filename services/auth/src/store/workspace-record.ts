import type { RateLimit as RateLimitMessage } from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError, MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { roleName } from './role.ts';

const MOST_REQUESTS_PER_MINUTE = 60_000_000;

/** How often a caller may ask, as it is stored. */
export const rateLimitRecord = z.object({
  requestsPerMinute: z.number().int().min(1).max(MOST_REQUESTS_PER_MINUTE),
  /** Requests that may come at once. */
  burst: z.number().int().min(1),
});

/** What `rateLimitRecord` yields. */
export type RateLimit = Readonly<z.output<typeof rateLimitRecord>>;

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

const deletionRecord = z.object({
  /** Of the job that deletes what the workspace has stored. */
  id: z.string(),
  atMs: z.number(),
  /** Who asked, until the job and the audit log know; then null: nothing of a person stays here. */
  request: z
    .object({
      userId: z.string(),
      credentialId: z.string(),
      ipAddress: z.string(),
      requestId: z.string(),
    })
    .nullable(),
});

/**
 * A tenant with everybody who belongs to it, as it is stored under its id. One that was deleted stays for ever, with nobody in it and
 * without a name, so that its id is never anything else's.
 */
export const workspaceRecord = z.object({
  id: z.string(),
  name: z.string(),
  createdAtMs: z.number(),
  members: z.array(memberRecord).readonly().default([]),
  invitations: z.array(invitationRecord).readonly().default([]),
  /** Of each credential that has none of its own; null for none. */
  rateLimit: rateLimitRecord.nullable().default(null),
  /** Null while it is there. */
  deletion: deletionRecord.nullable().default(null),
});

/** What `workspaceRecord` yields. */
export type WorkspaceRecord = Readonly<z.output<typeof workspaceRecord>>;

/** That a workspace was deleted. */
export type WorkspaceDeletion = NonNullable<WorkspaceRecord['deletion']>;

/** A user of a workspace. */
export type MemberRecord = Readonly<z.output<typeof memberRecord>>;

/** An address that becomes a member when it signs in. */
export type InvitationRecord = Readonly<z.output<typeof invitationRecord>>;

/** A workspace as it begins. */
export function newWorkspace(
  workspace: Pick<WorkspaceRecord, 'id' | 'name' | 'createdAtMs' | 'members'>,
): WorkspaceRecord {
  return { ...workspace, invitations: [], rateLimit: null, deletion: null };
}

/** What stays of a workspace that is deleted. */
export function tombstoneOf(
  { id, createdAtMs }: WorkspaceRecord,
  deletion: WorkspaceDeletion,
): WorkspaceRecord {
  return { ...newWorkspace({ id, name: '', createdAtMs, members: [] }), deletion };
}

/** A workspace that is there; `not_found` for one that never was and for one that was deleted. */
export function existing(workspace: WorkspaceRecord | undefined): WorkspaceRecord {
  if (workspace === undefined || workspace.deletion !== null) throw workspaceNotFound();
  return workspace;
}

/** The answer to an id that the caller can't see, whether or not there is such a workspace. */
export function workspaceNotFound(): MillraceError {
  return new MillraceError('not_found', 'no such workspace');
}

/** A limit from a message, null for one of zero requests; otherwise `invalid_argument`. */
export function checkedRateLimit(message: RateLimitMessage): RateLimit | null {
  const { requestsPerMinute, burst } = message;
  if (requestsPerMinute === 0) return null;
  if (requestsPerMinute > MOST_REQUESTS_PER_MINUTE) {
    throw fieldError('rate_limit', `at most ${MOST_REQUESTS_PER_MINUTE} requests a minute`);
  }
  if (burst > requestsPerMinute) {
    throw fieldError('rate_limit', 'burst must not exceed the requests of a minute');
  }
  return { requestsPerMinute, burst: burst || Math.max(1, Math.ceil(requestsPerMinute / 6)) };
}
