import { z } from 'zod';

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
