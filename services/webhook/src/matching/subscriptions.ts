import { patternsOf, withoutCovered } from './event-patterns.ts';

/** Whoever wants events of a workspace. It doesn't change: another one is set in its place. */
export interface Subscriber<E extends TypedEvent = TypedEvent> {
  /** Unique over all workspaces. */
  readonly id: string;
  readonly workspaceId: string;
  /** Patterns that `checkEventPatterns` has let through. */
  readonly events: readonly string[];
  /** Whether it wants an event whose type it subscribes to. Must not throw. */
  accepts(event: E): boolean;
}

/** What of an event an index has to know. */
export interface TypedEvent {
  readonly eventType: string;
}

/** Who wants which events, found by the event's type: those whose patterns don't match cost next to nothing. */
export interface Subscriptions<S extends Subscriber<E>, E extends TypedEvent> {
  readonly size: number;
  /** Another one after each change. */
  readonly version: number;
  /** Adds a subscriber, or puts it in the place of the one with its id. */
  set(subscriber: S): void;
  /** Whether there was one with this id. */
  delete(id: string): boolean;
  get(id: string): S | undefined;
  /** Whether anybody wants anything of a workspace: an event of others need not be decoded. */
  has(workspaceId: string): boolean;
  /** Those who want an event, each once, in no order. */
  matching(workspaceId: string, event: E): S[];
}

/** Most workspaces have few endpoints, and most patterns one: a set for each would be most of the memory. */
type Group<S> = S | Set<S>;

/** Makes an index without subscribers. */
export function createSubscriptions<S extends Subscriber<E>, E extends TypedEvent>(): Subscriptions<S, E> {
  const byId = new Map<string, S>();
  const byWorkspace = new Map<string, Map<string, Group<S>>>();
  let version = 0;

  const add = (subscriber: S): void => {
    const { id, workspaceId, events } = subscriber;
    version++;
    byId.set(id, subscriber);
    const patterns = byWorkspace.get(workspaceId) ?? new Map<string, Group<S>>();
    byWorkspace.set(workspaceId, patterns);
    for (const pattern of withoutCovered(events)) {
      const group = patterns.get(pattern);
      if (group === undefined) patterns.set(pattern, subscriber);
      else if (group instanceof Set) group.add(subscriber);
      else patterns.set(pattern, new Set([group, subscriber]));
    }
  };

  const remove = (id: string): boolean => {
    const subscriber = byId.get(id);
    const patterns = subscriber && byWorkspace.get(subscriber.workspaceId);
    if (subscriber === undefined || patterns === undefined) return false;
    version++;
    byId.delete(id);
    for (const pattern of withoutCovered(subscriber.events)) {
      const group = patterns.get(pattern);
      if (group instanceof Set && group.size > 1) group.delete(subscriber);
      else patterns.delete(pattern);
    }
    if (patterns.size === 0) byWorkspace.delete(subscriber.workspaceId);
    return true;
  };

  return {
    get size() {
      return byId.size;
    },
    get version() {
      return version;
    },
    set(subscriber) {
      remove(subscriber.id);
      add(subscriber);
    },
    delete: remove,
    get: (id) => byId.get(id),
    has: (workspaceId) => byWorkspace.has(workspaceId),
    matching(workspaceId, event) {
      const found: S[] = [];
      const patterns = byWorkspace.get(workspaceId);
      if (patterns === undefined) return found;
      for (const pattern of patternsOf(event.eventType)) {
        const group = patterns.get(pattern);
        if (group === undefined) continue;
        if (!(group instanceof Set)) {
          if (group.accepts(event)) found.push(group);
          continue;
        }
        for (const subscriber of group) if (subscriber.accepts(event)) found.push(subscriber);
      }
      return found;
    },
  };
}
