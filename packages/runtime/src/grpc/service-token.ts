import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';

const LIFETIME_MS = 60_000;
const RENEW_BEFORE_MS = 30_000;

/** A short-lived proof that a call comes from one of Millrace's own services: `expiry.hmac`. */
export interface ServiceToken {
  issue(): string;
  verify(token: string | undefined): boolean;
}

/** Signs with HMAC-SHA-256 under a secret that all services share; a token lives 60 s. */
export function createServiceToken(options: { secret: string; clock: Clock }): ServiceToken {
  const { secret, clock } = options;
  const sign = (expiresAtMs: string) =>
    createHmac('sha256', secret).update(`service-token:${expiresAtMs}`).digest('base64url');
  const verified = { token: '', untilMs: 0 };
  let issued = { token: '', expiresAtMs: 0 };
  return {
    issue() {
      const nowMs = clock.now();
      if (issued.expiresAtMs - nowMs < RENEW_BEFORE_MS) {
        const expiresAtMs = nowMs + LIFETIME_MS;
        issued = { token: `${expiresAtMs}.${sign(String(expiresAtMs))}`, expiresAtMs };
      }
      return issued.token;
    },
    verify(token) {
      if (token === undefined) return false;
      const nowMs = clock.now();
      if (token === verified.token) return nowMs < verified.untilMs;
      const [expiry = '', mac = ''] = token.split('.', 2);
      const expected = Buffer.from(sign(expiry));
      const given = Buffer.from(mac);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
      const untilMs = Number(expiry);
      if (nowMs >= untilMs) return false;
      verified.token = token;
      verified.untilMs = untilMs;
      return true;
    },
  };
}
