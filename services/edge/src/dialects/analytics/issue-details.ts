import { fieldOf } from '../../request/problem/describe-failure.ts';
import type { Failure } from '../../server/failure.ts';

/** Issues that an answer lists: a client mends the first few, and a hostile body must not make a large answer. */
const MAX_DETAILS = 20;

/** The `details` of an error of this API: `[{field, code, message}]` for an invalid body, nothing otherwise. */
export function issueDetails(failure: Failure): {
  details?: { field: string; code: string; message: string }[];
} {
  if (failure.kind !== 'invalid') return {};
  const issues = failure.issues.slice(0, MAX_DETAILS);
  return { details: issues.map(({ path, code, message }) => ({ field: fieldOf(path), code, message })) };
}
