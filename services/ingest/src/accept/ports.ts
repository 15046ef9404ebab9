/** What was answered for a key when its event became durable. */
export interface SeenEvent {
  /** 8 bytes as latin1. */
  readonly bodyHash: string;
  readonly eventId: string;
}

/** Remembers the keys of durable events. May forget: the writer is what keeps copies out. */
export interface SeenEvents {
  /** One entry for each key, in order; synchronous when memory knows enough. */
  lookUp(
    keys: readonly string[],
  ): readonly (SeenEvent | undefined)[] | Promise<readonly (SeenEvent | undefined)[]>;
  /** Called only after the event is on disk: marking before would lose a client's retry. */
  mark(entries: readonly (readonly [key: string, seen: SeenEvent])[]): void | Promise<void>;
}

/** Keys remembered in this process. */
export interface NearSeenEvents {
  lookUp(keys: readonly string[]): (SeenEvent | undefined)[];
  mark(entries: readonly (readonly [key: string, seen: SeenEvent])[]): void;
}
