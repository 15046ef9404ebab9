import { before, type Position, type StreamedMessage, unpackEnvelope } from '@millrace/wire';
import { LRUCache } from 'lru-cache';
import type { EventFeed, StoredLog } from './ports.ts';
import { StreamedEvent } from './streamed-event.ts';

/** Finds single events again: what is to be delivered once more. */
export interface EventSource {
  /** Keeps an event at hand: it may be asked for soon. */
  keep(event: StreamedEvent): void;
  /** Undefined when it is stored nowhere any more. Throws MillraceError `unavailable`. */
  find(place: { workspaceId: string; seq: number; index: number }): Promise<StreamedEvent | undefined>;
}

const MAX_KEPT_BYTES = 16 * 1024 * 1024;
const MAX_KEPT = 20_000;
const OBJECT_BYTES = 1_024;
const READ_TIMEOUT_MS = 10_000;
const MESSAGE_BYTES = 8 * 1024 * 1024;

/** Looks in memory, then in the stream, then in the store. */
export function createEventSource(options: {
  feed: Pick<EventFeed, 'read'>;
  stored: Pick<StoredLog, 'readEvents'>;
}): EventSource {
  const { feed, stored } = options;
  const kept = new LRUCache<string, StreamedEvent>({
    max: MAX_KEPT,
    maxSize: MAX_KEPT_BYTES,
    sizeCalculation: ({ bytes }) => OBJECT_BYTES + 2 * bytes.length,
  });
  const keyOf = ({ seq, index }: { seq: number; index: number }) => `${seq}.${index}`;
  return {
    keep: (event) => void kept.set(keyOf(event.position), event),
    async find(place) {
      const { workspaceId, seq, index } = place;
      const known = kept.get(keyOf(place));
      if (known !== undefined) return known.workspaceId === workspaceId ? known : undefined;
      const signal = AbortSignal.timeout(READ_TIMEOUT_MS);
      const range = { fromSeq: seq, toSeq: seq, maxMessages: 1, maxBytes: MESSAGE_BYTES, signal };
      const [message] = await feed.read(range);
      const streamed = message && eventAt(message, index);
      const found = streamed?.bytes ?? (await storedEventAt(stored, workspaceId, place, signal));
      if (found === undefined) return undefined;
      const event = new StreamedEvent({ seq, index }, workspaceId, found, streamed?.traceparents);
      return event.fields.workspaceId === workspaceId ? event : undefined;
    },
  };
}

/** The bytes of a workspace's stored event at a place; undefined when there is none. Throws MillraceError `unavailable`. */
export async function storedEventAt(
  stored: Pick<StoredLog, 'readEvents'>,
  workspaceId: string,
  place: Position,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const span = { workspaceId, after: before(place), toSeq: place.seq, maxEvents: 1 };
  const [first] = (await stored.readEvents(span, signal)).events;
  return first?.position.seq === place.seq && first.position.index === place.index ? first.bytes : undefined;
}

function eventAt(
  { data }: StreamedMessage,
  index: number,
): { bytes: Buffer; traceparents: readonly string[] } | undefined {
  let at = -1;
  let bytes: Buffer | undefined;
  const traceparents: string[] = [];
  const problem = unpackEnvelope(
    data,
    ({ start, end, sound }) => {
      at++;
      if (at === index && sound) bytes = Buffer.from(data.subarray(start, end));
    },
    (traceparent) => traceparents.push(traceparent),
  );
  return problem === undefined && bytes !== undefined ? { bytes, traceparents } : undefined;
}
