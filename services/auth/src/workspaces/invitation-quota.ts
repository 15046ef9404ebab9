import type { Actor } from '@millrace/contracts/millrace/auth/v1/actor';
import type { Quota, RateLimiter } from '@millrace/stores';

/** How long an inviter has to wait before the next mail may go out, in seconds; 0 for not at all. */
export type TakeInvitation = (actor: Actor, email: string) => Promise<number>;

const DAY_MS = 24 * 60 * 60 * 1000;
/** Of one person, or of one key. */
const BY_INVITER: Quota = { requests: 200, periodMs: DAY_MS, burst: 100 };
/** To one address, whoever writes. */
const TO_ADDRESS: Quota = { requests: 10, periodMs: DAY_MS, burst: 5 };

/**
 * Bounds the mails that invitations cause: they carry words of the inviter's own, and anybody may have a workspace.
 * Inviting again and again, and taking invitations back in between, counts each time.
 */
export function createInvitationQuota(limiter: RateLimiter): TakeInvitation {
  return async (actor, email) => {
    const inviter = actor.userId || actor.credentialId;
    const own = await limiter(`invitations by ${inviter}`, BY_INVITER);
    if (!own.allowed) return own.nextInSeconds;
    const received = await limiter(`invitations to ${email}`, TO_ADDRESS);
    return received.allowed ? 0 : received.nextInSeconds;
  };
}
