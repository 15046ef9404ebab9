import { type Clock, MillraceError } from '@millrace/runtime';

/** How long the index may be cut off from the store before its answers are not given any more, in milliseconds. */
const MAX_STALE_MS = 5_000;

/** Throws `unavailable` once any of these may have missed a change, a revocation for example, for longer than 5 s. */
export function requireFresh(
  clock: Clock,
  indexes: readonly { readonly staleSinceMs: number | undefined }[],
): void {
  for (const { staleSinceMs } of indexes) {
    if (staleSinceMs === undefined || clock.monotonic() - staleSinceMs <= MAX_STALE_MS) continue;
    throw new MillraceError('unavailable', 'credentials can not be verified now');
  }
}
