import { fromBinary } from '@bufbuild/protobuf';
import type { TailedEvent } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Event, EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { LRUCache } from 'lru-cache';

/** Puts an event that is shown into the form in which a client is sent it. */
export type EventEncoder<Form> = (event: Event, cursor: string) => Form;

/** An event that tails show, for all of them: decoded once, and encoded once in each form that is asked for. */
export class SharedEvent {
  readonly cursor: string;
  readonly bytes: Uint8Array;
  readonly #event: Event;
  readonly #forms = new Map<EventEncoder<unknown>, unknown>();

  /** Throws when the bytes are no event. */
  constructor({ cursor, event }: Pick<TailedEvent, 'cursor' | 'event'>) {
    this.cursor = cursor;
    // A copy: what it came in may be far larger.
    this.bytes = new Uint8Array(event);
    this.#event = fromBinary(EventSchema, this.bytes);
  }

  /** The event in a form, which nobody may change. */
  as<Form>(encode: EventEncoder<Form>): Form {
    if (!this.#forms.has(encode)) this.#forms.set(encode, encode(this.#event, this.cursor));
    // Nothing but what this encoder made is kept under it.
    return this.#forms.get(encode) as Form;
  }
}

/** The newest events of all tails of a process. */
export interface SharedEvents {
  /** The event that a tail is told of; undefined for bytes that are none, which the writer parks as well. */
  read(workspaceId: string, told: Pick<TailedEvent, 'cursor' | 'event'>): SharedEvent | undefined;
}

/** What is kept at most: readers of the same are shown an event within moments. */
const MAX_EVENTS = 4_096;
const MAX_BYTES = 8 * 1024 * 1024;
/** An event's objects, and how often its bytes are there: as they came, and in two forms. */
const OBJECT_BYTES = 1_024;
const COPIES = 3;

/** Keeps none yet. */
export function createSharedEvents(): SharedEvents {
  const newest = new LRUCache<string, SharedEvent>({
    max: MAX_EVENTS,
    maxSize: MAX_BYTES,
    sizeCalculation: ({ bytes }) => OBJECT_BYTES + COPIES * bytes.length,
  });
  return {
    read(workspaceId, told) {
      const key = `${workspaceId} ${told.cursor}`;
      const known = newest.get(key);
      // Processes that leave out different copies may tell different events under one cursor.
      if (known !== undefined && Buffer.compare(known.bytes, told.event) === 0) return known;
      try {
        const event = new SharedEvent(told);
        newest.set(key, event);
        return event;
      } catch {
        return undefined;
      }
    },
  };
}
