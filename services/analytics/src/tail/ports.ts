/** A message of the stream: an envelope of events. */
export interface FeedMessage {
  readonly seq: number;
  readonly data: Buffer;
}

/** Reads on behind a sequence, ahead of its consumer but never by much. */
export interface FeedReader {
  take(): FeedMessage | undefined;
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** The stream of accepted events, all shards in one order. Throws MillraceError `unavailable`. */
export interface EventFeed {
  /** `id` changes when another stream has come in its place. */
  state(): Promise<{ readonly id: string; readonly firstSeq: number; readonly lastSeq: number }>;
  follow(afterSeq: number): FeedReader;
  /** The first messages of a range, inclusive: at least one unless it has none. */
  read(range: {
    fromSeq: number;
    toSeq: number;
    maxMessages: number;
    maxBytes: number;
    signal: AbortSignal;
  }): Promise<FeedMessage[]>;
  /** Chunks of the newest messages, the newest chunk first, until `onChunk` answers false. */
  readNewest(options: {
    maxBytes: number;
    onChunk: (messages: readonly FeedMessage[]) => boolean;
    signal: AbortSignal;
  }): Promise<void>;
}

/** What the tail tells of its work. */
export interface TailMetrics {
  /** Readers that are connected now. */
  readers(count: number): void;
  dropped(reason: 'slow_reader'): void;
}
