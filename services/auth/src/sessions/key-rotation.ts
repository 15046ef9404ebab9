import type { SigningKeyRecord } from '../store/signing-key-record.ts';

/** How long a key is published before it signs: caches of the key set have it by then. */
export const PUBLISHED_AHEAD_MS = 60 * 60_000;
/** No session lives longer, whatever the settings of the replica that gave it. */
const LONGEST_SESSION_MS = 60 * 60_000;
/** For clocks that differ. */
const MARGIN_MS = 60 * 60_000;

/** The key that signs at a moment: the one that began last. Every replica chooses the same. */
export function keyInForce<T extends SigningKeyRecord>(keys: readonly T[], nowMs: number): T | undefined {
  const ordered = inOrder(keys);
  return ordered.findLast(({ signsFromMs }) => signsFromMs <= nowMs) ?? ordered[0];
}

/** When a key that is to be made now shall begin to sign; undefined while none is due. */
export function successorDue(options: {
  keys: readonly SigningKeyRecord[];
  rotationMs: number;
  nowMs: number;
}): number | undefined {
  const { keys, rotationMs, nowMs } = options;
  const newest = inOrder(keys).at(-1);
  if (newest === undefined) return nowMs;
  return newest.signsFromMs + rotationMs <= nowMs ? nowMs + PUBLISHED_AHEAD_MS : undefined;
}

/** The keys of which no session can be alive: their successor has signed for longer than a session lives. */
export function outlivedKeys(keys: readonly SigningKeyRecord[], nowMs: number): readonly SigningKeyRecord[] {
  const ordered = inOrder(keys);
  return ordered.filter((_, at) => {
    const successor = ordered[at + 1];
    return successor !== undefined && successor.signsFromMs + LONGEST_SESSION_MS + MARGIN_MS <= nowMs;
  });
}

/** Whether a key of another pepper is past any use: whoever has that pepper has made two successors since. */
export function isForgotten(key: SigningKeyRecord, options: { rotationMs: number; nowMs: number }): boolean {
  return key.signsFromMs + 2 * (options.rotationMs + PUBLISHED_AHEAD_MS) + MARGIN_MS <= options.nowMs;
}

function inOrder<T extends SigningKeyRecord>(keys: readonly T[]): readonly T[] {
  return keys.toSorted((a, b) => a.signsFromMs - b.signsFromMs || (a.kid < b.kid ? -1 : 1));
}
