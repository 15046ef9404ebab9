import type { TailEvent } from './tail-event.ts';
import type { TailReader } from './tail-reader.ts';

/** The readers of a workspace, found by what they want to see: an event concerns few of a thousand who each watch a user. */
export class Audience {
  readonly #everything = new Set<TailReader>();
  readonly #byUser = new Map<string, Set<TailReader>>();
  readonly #byType = new Map<string, Set<TailReader>>();
  readonly #all = new Set<TailReader>();

  get all(): ReadonlySet<TailReader> {
    return this.#all;
  }

  add(reader: TailReader): void {
    this.#all.add(reader);
    for (const [index, key] of this.#placesOf(reader)) {
      if (index === undefined) this.#everything.add(reader);
      else index.set(key, (index.get(key) ?? new Set()).add(reader));
    }
  }

  delete(reader: TailReader): void {
    this.#all.delete(reader);
    for (const [index, key] of this.#placesOf(reader)) {
      if (index === undefined) this.#everything.delete(reader);
      else if (index.get(key)?.delete(reader) && index.get(key)?.size === 0) index.delete(key);
    }
  }

  /** Those whom an event may concern. It is looked into only where somebody asks for a type or a user. */
  *of(event: TailEvent): Generator<TailReader> {
    yield* this.#everything;
    if (this.#byUser.size > 0) yield* this.#byUser.get(event.event.userId) ?? [];
    if (this.#byType.size > 0) yield* this.#byType.get(event.event.eventType) ?? [];
  }

  #placesOf({ wants }: TailReader): [Map<string, Set<TailReader>> | undefined, string][] {
    if (wants.userId !== '') return [[this.#byUser, wants.userId]];
    const isExact = wants.types.length > 0 && wants.types.every((type) => !type.endsWith('*'));
    return isExact ? [...new Set(wants.types)].map((type) => [this.#byType, type]) : [[undefined, '']];
  }
}
