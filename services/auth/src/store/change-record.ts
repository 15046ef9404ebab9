import { setTimeout as delay } from 'node:timers/promises';
import { MillraceError } from '@millrace/runtime';
import type { Records } from '@millrace/stores';

/** Each lost race is another writer's success: so many may write at once before anybody gives up. */
const ATTEMPTS = 100;
/** Attempts that follow each other at once; later ones wait longer and longer, by a millisecond each. */
const EAGER_ATTEMPTS = 5;

/**
 * Changes a record by compare-and-set, starting over when another writer was first.
 * `change` returns undefined when there is nothing to do, and may throw to refuse. Answers undefined when the record
 * is gone; throws `aborted` when 100 others were first.
 */
export async function changeRecord<T>(
  records: Records<T>,
  recordKey: string,
  change: (value: T) => T | undefined,
): Promise<T | undefined> {
  return starting(async () => {
    const stored = await records.read(recordKey);
    if (stored === undefined) return { result: undefined };
    const changed = change(stored.value);
    if (changed === undefined) return { result: stored.value };
    const outcome = await records.update(recordKey, changed, stored.revision);
    return outcome.kind === 'written' ? { result: changed } : undefined;
  });
}

/**
 * Removes a record as `allow` has seen it, which may throw to refuse; answers it as it was, or undefined when it is
 * gone already.
 */
export async function removeRecord<T>(
  records: Records<T>,
  recordKey: string,
  allow: (value: T) => void,
): Promise<T | undefined> {
  return starting(async () => {
    const stored = await records.read(recordKey);
    if (stored === undefined) return { result: undefined };
    allow(stored.value);
    const outcome = await records.remove(recordKey, stored.revision);
    return outcome.kind === 'written' ? { result: stored.value } : undefined;
  });
}

async function starting<T>(attemptOnce: () => Promise<{ result: T } | undefined>): Promise<T> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > EAGER_ATTEMPTS) await delay(attempt - EAGER_ATTEMPTS);
    const done = await attemptOnce();
    if (done !== undefined) return done.result;
  }
  throw new MillraceError('aborted', 'this is being changed by others, try again');
}
