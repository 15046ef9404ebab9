/** A message of a stream. */
export interface StreamMessage {
  readonly seq: number;
  readonly data: Buffer;
  /** When the stream took it: RFC 3339, UTC. */
  readonly storedAt: string;
}
