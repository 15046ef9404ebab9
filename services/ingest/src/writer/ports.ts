/** What ClickHouse made of rows. */
export type ReadOutcome =
  | { readonly kind: 'answered' }
  /** It complained about the data; a body that was cut off on the way looks the same. */
  | { readonly kind: 'unreadable'; readonly detail: string };

/** A message or an item that can't be stored as an event. */
export interface DeadItem {
  readonly shard: number;
  readonly seq: number;
  readonly index: number;
  readonly reason: DeadReason;
  readonly detail: string;
  readonly body: Buffer;
  readonly parkedAtMs: number;
}

/** Why something can't be stored. */
export type DeadReason = 'malformed_envelope' | 'malformed_event' | 'refused_by_store';

/** The table of events. Every call throws when the store doesn't answer; an insert may then have happened. */
export interface EventTable {
  /** The highest `_seq` of a shard, 0 when it has no row. */
  position(shard: number): Promise<number>;
  /** Stores the rows as one part, or nothing when the token was used before. */
  insert(insert: {
    body: Iterable<Buffer>;
    token: string;
    queryId: string;
    timeoutMs: number;
    signal?: AbortSignal;
  }): Promise<ReadOutcome>;
  /** Reads rows as an insert would and stores nothing. */
  tryRead(body: Iterable<Buffer>): Promise<ReadOutcome>;
  runningInserts(queryIdPrefix: string): Promise<number>;
  killInserts(queryIdPrefix: string): Promise<void>;
  existingKeys(keys: readonly string[], sinceMs: number): Promise<Set<string>>;
  /** The newest dedup keys of a shard, 16 bytes each. */
  recentKeys(window: {
    shardCount: number;
    shardIndex: number;
    sinceMs: number;
    limit: number;
  }): Promise<Buffer>;
  /** Repeating it changes nothing. */
  park(items: readonly DeadItem[]): Promise<void>;
}

/** What became of asking for keys. */
export type ClaimOutcome =
  /** The position that holds each key, in order: the caller's own where nobody had it. */
  | { readonly kind: 'claimed'; readonly holders: readonly string[]; readonly coversWindow: boolean }
  | { readonly kind: 'unavailable' };

/** Keys that were met within the dedup window, outside of this process. May lose them; says so. */
export interface KeyClaims {
  /** Takes each key for a position, unless another has it. */
  claim(keys: readonly string[], positions: readonly string[]): Promise<ClaimOutcome>;
}

/** A message of the stream. */
export interface StreamMessage {
  readonly seq: number;
  readonly data: Buffer;
  /** When the stream took it: RFC 3339, UTC. */
  readonly storedAt: string;
}

/** Reads a shard in order. */
export interface LogReader {
  take(): StreamMessage | undefined;
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  /** Messages that are read or known to be waiting. */
  readonly pending: number;
  close(): Promise<void>;
}

/** Called at named points of a batch's life, so that a test can stop the process right there. */
export type Failpoint = (
  name: 'before-insert' | 'after-insert' | 'after-position' | 'after-parking',
) => Promise<void> | void;
