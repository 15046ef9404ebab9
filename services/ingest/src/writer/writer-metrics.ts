/** What a writer tells of its work. */
export interface WriterMetrics {
  /** Called once for each batch that is known to be stored. */
  inserted(rows: number, seconds: number): void;
  copiesDropped(count: number): void;
  parked(reason: string): void;
  /** Whether a shard waits for an operator because most of its rows are refused. */
  stopped(shard: number, is: boolean): void;
  /** Declares a shard whose state is read when metrics are; call the result when it is another's. */
  follow(shard: number, look: () => { lagEvents: number; oldestSeconds: number }): () => void;
}
