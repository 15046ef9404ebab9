import { LRUCache } from 'lru-cache';

/** Remembers which paths questions have had to read from JSON. */
export interface Suggestions {
  asked(workspaceId: string, paths: readonly string[]): void;
  /** The paths that pass, the most asked about first. */
  of(workspaceId: string, passes: (path: string) => boolean): { path: string; questions: bigint }[];
}

const MAX_WORKSPACES = 1_000;
const MAX_PATHS = 100;
const MAX_SHOWN = 20;

/** Remembers in memory, so each process has its own. */
export function createSuggestions(): Suggestions {
  const workspaces = new LRUCache<string, LRUCache<string, number>>({ max: MAX_WORKSPACES });
  return {
    asked(workspaceId, paths) {
      if (paths.length === 0) return;
      const counts = workspaces.get(workspaceId) ?? new LRUCache<string, number>({ max: MAX_PATHS });
      for (const path of paths) counts.set(path, (counts.get(path) ?? 0) + 1);
      workspaces.set(workspaceId, counts);
    },
    of: (workspaceId, passes) =>
      [...(workspaces.get(workspaceId)?.entries() ?? [])]
        .filter(([path]) => passes(path))
        .sort(([a, inA], [b, inB]) => inB - inA || (a < b ? -1 : 1))
        .slice(0, MAX_SHOWN)
        .map(([path, questions]) => ({ path, questions: BigInt(questions) })),
  };
}
