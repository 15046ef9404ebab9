import type { StreamedEvent } from './streamed-event.ts';

/** What the events that wait for all endpoints may take together. */
export interface ByteBudget {
  readonly hasRoom: boolean;
  /** Keeps an event for one more delivery, once its bytes are within the budget; false when there is no room. */
  hold(event: StreamedEvent): boolean;
  release(event: StreamedEvent): void;
}

/** An event's objects, and how often its bytes are there: as they came, and in the words of a call. */
const OBJECT_BYTES = 1_024;
const COPIES = 2;

/** Makes one that holds nothing. An event that many wait with counts once. */
export function createByteBudget(maxBytes: number): ByteBudget {
  let bytes = 0;
  const sizeOf = (event: StreamedEvent) => OBJECT_BYTES + COPIES * event.bytes.length;
  return {
    get hasRoom() {
      return bytes < maxBytes;
    },
    hold(event) {
      if (event.holders === 0) {
        if (bytes >= maxBytes) return false;
        bytes += sizeOf(event);
      }
      event.holders++;
      return true;
    },
    release(event) {
      event.holders--;
      if (event.holders === 0) bytes -= sizeOf(event);
    },
  };
}
