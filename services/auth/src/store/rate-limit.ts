import type { RateLimit as RateLimitMessage } from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError } from '@millrace/runtime';
import { z } from 'zod';

const MOST_REQUESTS_PER_MINUTE = 60_000_000;

/** How often a caller may ask, as it is stored. */
export const rateLimitRecord = z.object({
  requestsPerMinute: z.number().int().min(1).max(MOST_REQUESTS_PER_MINUTE),
  /** Requests that may come at once. */
  burst: z.number().int().min(1),
});

/** What `rateLimitRecord` yields. */
export type RateLimit = Readonly<z.output<typeof rateLimitRecord>>;

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
