import type { TailEvent, TailFilter } from './tail-event.ts';
import type { TailReader } from './tail-reader.ts';

/** Readers who want the same: whether they are shown an event is asked once for all of them. */
export interface ReaderGroup {
  readonly accepts: (event: TailEvent) => boolean;
  readonly readers: Set<TailReader>;
}

/** The readers of a workspace, found by what they want to see: an event concerns few of a thousand who each watch a user. */
export class Audience {
  readonly #everything = new Set<ReaderGroup>();
  readonly #byUser = new Map<string, Set<ReaderGroup>>();
  readonly #byType = new Map<string, Set<ReaderGroup>>();
  readonly #groups = new Map<unknown, ReaderGroup>();
  readonly #all = new Set<TailReader>();

  get all(): ReadonlySet<TailReader> {
    return this.#all;
  }

  add(reader: TailReader): void {
    this.#all.add(reader);
    const key = groupKeyOf(reader.wants);
    const group = this.#groups.get(key) ?? { accepts: reader.accepts, readers: new Set() };
    group.readers.add(reader);
    if (group.readers.size > 1) return;
    this.#groups.set(key, group);
    for (const [index, place] of this.#placesOf(reader.wants)) {
      if (index === undefined) this.#everything.add(group);
      else index.set(place, (index.get(place) ?? new Set()).add(group));
    }
  }

  delete(reader: TailReader): void {
    this.#all.delete(reader);
    const key = groupKeyOf(reader.wants);
    const group = this.#groups.get(key);
    if (!group?.readers.delete(reader) || group.readers.size > 0) return;
    this.#groups.delete(key);
    for (const [index, place] of this.#placesOf(reader.wants)) {
      if (index === undefined) this.#everything.delete(group);
      else if (index.get(place)?.delete(group) && index.get(place)?.size === 0) index.delete(place);
    }
  }

  /** Those whom an event may concern. It is looked into only where somebody asks for a type or a user. */
  *of(event: TailEvent): Generator<ReaderGroup> {
    yield* this.#everything;
    if (this.#byUser.size > 0) yield* this.#byUser.get(event.userId) ?? [];
    if (this.#byType.size > 0) yield* this.#byType.get(event.eventType) ?? [];
  }

  #placesOf({ userId, types }: TailFilter): [Map<string, Set<ReaderGroup>> | undefined, string][] {
    if (userId !== '') return [[this.#byUser, userId]];
    const isExact = types.length > 0 && types.every((type) => !type.endsWith('*'));
    return isExact ? [...new Set(types)].map((type) => [this.#byType, type]) : [[undefined, '']];
  }
}

/** The same for filters that let the same through; one with an expression is like itself only. */
function groupKeyOf(filter: TailFilter): unknown {
  if (filter.matches !== undefined) return filter;
  return JSON.stringify([filter.userId, ...[...new Set(filter.types)].toSorted()]);
}
