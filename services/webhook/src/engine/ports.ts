import type { Position, StreamedMessage } from '@millrace/wire';
import type { KnownDelivery } from './delivery.ts';

/** Reads on behind a sequence, ahead of its consumer but never by much. */
export interface FeedReader {
  take(): StreamedMessage | undefined;
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
  }): Promise<StreamedMessage[]>;
}

/** An event that is stored, and where it stands in the stream. */
export interface PlacedEvent {
  readonly position: Position;
  /** `millrace.event.v1.Event` */
  readonly bytes: Buffer;
}

/** A delivery, and where its event stands in the stream. */
export interface PlacedDelivery extends KnownDelivery {
  readonly id: string;
  readonly position: Position;
}

/** What is stored, for endpoints that are further behind than the stream goes. Throws MillraceError. */
export interface StoredLog {
  /** Events of a workspace in the order of the stream, behind a place and up to a sequence. */
  readEvents(
    span: {
      workspaceId: string;
      after: Position;
      toSeq: number;
      receivedFromMs?: number | undefined;
      maxEvents?: number;
    },
    signal: AbortSignal,
  ): Promise<{ events: PlacedEvent[]; more: boolean }>;
  /** An endpoint's deliveries in the order of the stream, a page of them; one that isn't full is the last. */
  placedDeliveries(
    span: {
      endpoint: { id: string; workspaceId: string };
      after: Position;
      failedOnly?: boolean;
      receivedFromMs?: number;
      pageSize: number;
    },
    signal: AbortSignal,
  ): Promise<PlacedDelivery[]>;
  /** How many attempts of a delivery are stored. */
  attemptsOf(delivery: { id: string; workspaceId: string }): Promise<number>;
  /** An endpoint's deliveries of the events behind a place, by their ids; at least those up to `through`, where that is given. */
  knownDeliveries(
    span: { endpoint: { id: string; workspaceId: string }; after: Position; through?: Position },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, KnownDelivery>>;
}
