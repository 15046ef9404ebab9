import type { Event } from '@millrace/contracts/millrace/event/v1/event';
import type { Shown } from './show-events.ts';

/** Milliseconds after which a client that has lost its connection comes again. */
const RETRY_MS = 1_000;

/** What stands before everything else. */
export const PREAMBLE = `retry: ${RETRY_MS}\n\n`;

/**
 * What a tail shows at a time, as server-sent events to be written at once. Where there is nothing to show a client still learns where
 * it is.
 */
export function encodeFrames(shown: Shown): string | Buffer {
  const { cursor, kind } = shown;
  switch (kind) {
    case 'events': {
      const frames = shown.events.map((event) => event.as(encodeEvent));
      // A single one, however large, is not copied for each who reads it.
      return frames.length === 1 ? (frames[0] ?? '') : Buffer.concat(frames);
    }
    case 'gap':
    case 'end':
      return frame(cursor, kind, JSON.stringify({ reason: shown.reason, cursor }));
    case 'still':
      return `: still here\nid: ${cursor}\n\n`;
  }
}

function encodeEvent(event: Event, cursor: string): Buffer {
  return Buffer.from(frame(cursor, 'event', eventJson(event)));
}

function frame(id: string, event: string, data: string): string {
  // A client's JSON may have line breaks between its tokens, of any of the three kinds that end a field.
  return `id: ${id}\nevent: ${event}\ndata: ${data.replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`;
}

/** An event under the names that the native API takes it by; payload and metadata as they came. */
export function eventJson(event: Event): string {
  const head = JSON.stringify({
    id: event.eventId,
    type: event.eventType,
    source: event.source || null,
    userId: event.userId || null,
    sessionId: event.sessionId || null,
    occurredAt: new Date(Number(event.occurredAtMs)).toISOString(),
    receivedAt: new Date(Number(event.receivedAtMs)).toISOString(),
    priority: event.priority,
    labels: event.labels,
    dialect: event.dialect,
  });
  return `${head.slice(0, -1)},"payload":${jsonOf(event.payload)},"metadata":${jsonOf(event.metadata)}}`;
}

function jsonOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? '{}' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}
