import { problemReply } from '../../request/problem/encode-problem.ts';
import type { Reply } from '../../server/reply.ts';
import type { FieldError } from './new-event.ts';

/** One line of an itemized answer. */
export interface ItemResult {
  readonly index: number;
  readonly id: string;
  readonly status: 'accepted' | 'duplicate' | 'conflict' | 'invalid' | 'unavailable';
  readonly error?: FieldError;
}

const RETRY_AFTER_SECONDS = 1;

/**
 * The answer to a batch: `{results, accepted, duplicates, conflicts, invalid, unavailable}`.
 * 202 when every event is stored, 207 when some are; when none is, a problem that carries the same members:
 * 503 where a retry can help, else 409 for a conflict, else 400.
 */
export function itemizedReply(results: readonly ItemResult[]): Reply {
  const counts = { accepted: 0, duplicate: 0, conflict: 0, invalid: 0, unavailable: 0 };
  for (const { status } of results) counts[status]++;
  const body = {
    results,
    accepted: counts.accepted,
    duplicates: counts.duplicate,
    conflicts: counts.conflict,
    invalid: counts.invalid,
    unavailable: counts.unavailable,
  };
  const stored = counts.accepted + counts.duplicate;
  if (stored === results.length) return { status: 202, body: JSON.stringify(body) };
  if (stored > 0) return { status: 207, body: JSON.stringify(body) };
  if (counts.unavailable > 0) {
    const detail = 'no event is stored, send those that are unavailable again';
    return problemReply({ status: 503, detail, code: 'unavailable', ...body }, [
      'retry-after',
      String(RETRY_AFTER_SECONDS),
    ]);
  }
  if (counts.conflict > 0) {
    const detail = 'other events were accepted before under these ids';
    return problemReply({ status: 409, detail, code: 'conflict', ...body });
  }
  return problemReply({ status: 400, detail: 'no event is valid', code: 'invalid', ...body });
}
