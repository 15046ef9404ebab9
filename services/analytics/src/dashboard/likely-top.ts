import { LRUCache } from 'lru-cache';
import type { Selection } from './questions.ts';

/**
 * Who had most events when a selection was asked for last. They can be asked about before it is known who is in front now; a wrong guess
 * costs time and changes no answer.
 */
export interface LikelyTop {
  /** The hashes of their ids; none for a selection that is not known. */
  of(selection: Selection): readonly string[];
  remember(selection: Selection, hashes: readonly string[]): void;
}

const MAX_SELECTIONS = 1_000;

/** Knows of none yet; then of those that were asked for last. */
export function createLikelyTop(): LikelyTop {
  const tops = new LRUCache<string, readonly string[]>({ max: MAX_SELECTIONS });
  const key = ({ workspaceId, window, eventType, userIdPart }: Selection) =>
    JSON.stringify([workspaceId, window.endMs - window.startMs, eventType, userIdPart]);
  return {
    of: (selection) => tops.get(key(selection)) ?? [],
    remember: (selection, hashes) => void tops.set(key(selection), hashes),
  };
}
