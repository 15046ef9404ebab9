import { type Clock, uuidv7 } from '@millrace/runtime';
import { SignJWT } from 'jose';
import type { UserRecord } from '../store/user-record.ts';
import { SESSION_ALGORITHM, type SessionClaims, type SessionParties } from './session.ts';
import type { SigningKeys } from './signing-keys.ts';

/** A session as its owner gets it. */
export interface Session {
  /** The `jti`, by which the audit log knows it. */
  readonly id: string;
  /** The signed JWT. */
  readonly token: string;
  readonly expiresAtMs: number;
}

/** Gives a user a session in a workspace; the caller has seen that they belong there. */
export type IssueSession = (request: {
  user: UserRecord;
  workspaceId: string;
  /** It lives no longer than this; undefined for its full life. */
  notAfterMs?: number;
}) => Promise<Session>;

/** Makes the one place that signs sessions. */
export function createIssueSession(options: {
  keys: SigningKeys;
  parties: SessionParties;
  lifetimeMs: number;
  clock: Clock;
}): IssueSession {
  const { keys, parties, lifetimeMs, clock } = options;
  return async ({ user, workspaceId, notAfterMs = Number.POSITIVE_INFINITY }) => {
    const nowMs = clock.now();
    const id = uuidv7(nowMs);
    const expiresAt = Math.floor(Math.min(nowMs + lifetimeMs, notAfterMs) / 1_000);
    const claims: SessionClaims = {
      sub: user.id,
      workspace_id: workspaceId,
      // The replica that ended this user's sessions may be ahead by a moment.
      iat: Math.max(nowMs, user.sessionsValidFromMs) / 1_000,
      exp: expiresAt,
      jti: id,
    };
    const { record, privateKey } = keys.inForce();
    const token = await new SignJWT({ iss: parties.issuer, aud: parties.audience, ...claims })
      .setProtectedHeader({ alg: SESSION_ALGORITHM, typ: 'JWT', kid: record.kid })
      .sign(privateKey);
    return { id, token, expiresAtMs: expiresAt * 1_000 };
  };
}
