import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type StoredEvent, StoredEventSchema } from '@millrace/contracts/millrace/api/v1/analytics';
import { EARLIEST_MS, LATEST_MS } from '@millrace/runtime';
import type { ReadEvent } from '@millrace/wire';

/** A letter's event in the contract's words; a number that is no time is left out. */
export function toStoredEvent(event: ReadEvent): StoredEvent {
  const { dialect, source, userId, sessionId, priority, labels, traceId } = event;
  const message = create(StoredEventSchema, {
    ...{ dialect, source, userId, sessionId, traceId },
    id: event.eventId,
    type: event.eventType,
    priority: priority >= 0 && priority < 2 ** 32 ? priority : 0,
    labels: [...labels],
    payloadJson: event.payload,
    metadataJson: event.metadata,
  });
  if (isTime(event.occurredAtMs)) message.occurredAt = timestampFromMs(event.occurredAtMs);
  if (isTime(event.receivedAtMs)) message.receivedAt = timestampFromMs(event.receivedAtMs);
  return message;
}

function isTime(ms: number): boolean {
  return ms >= EARLIEST_MS && ms <= LATEST_MS;
}
