import { type Clock, uuidv7 } from '@millrace/runtime';
import { SignJWT } from 'jose';
import { z } from 'zod';
import type { UserRecord } from '../store/user-record.ts';
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

/** The signature that sessions have; nothing else is ever accepted. */
export const SESSION_ALGORITHM = 'EdDSA';

/** What a session says, beside whom it is from (`iss`) and for (`aud`). */
export const sessionClaims = z.object({
  /** The user. */
  sub: z.string(),
  workspace_id: z.string(),
  /** In seconds, to the millisecond: whether it began before sessions were ended must be exact. */
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
});

/** What `sessionClaims` yields. */
export type SessionClaims = Readonly<z.output<typeof sessionClaims>>;

/** Whom sessions are from and for. */
export interface SessionParties {
  /** `JWT_ISSUER`. */
  readonly issuer: string;
  /** `JWT_AUDIENCE`. */
  readonly audience: string;
}

/** Whether a secret has the form of a JWT: three parts in base64url, the first of them an object. */
export function looksLikeSession(secret: string): boolean {
  return /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(secret);
}
