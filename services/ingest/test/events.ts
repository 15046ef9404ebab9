import { create, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { frameItem } from '@millrace/wire';

/** An event of a test; what isn't given is made up. */
export interface TestEvent {
  readonly id: string;
  /** The client's own id: duplicates have the same. */
  readonly key?: string;
  readonly receivedAtMs?: number;
}

/** Encodes an event as the edge does. */
export function encodeEvent(event: TestEvent): Buffer {
  const now = BigInt(event.receivedAtMs ?? Date.now());
  const bytes = toBinary(
    EventSchema,
    create(EventSchema, {
      workspaceId: 'w1',
      eventId: event.id,
      eventType: 'test.happened',
      dialect: 'native',
      userId: `u${event.id.length}`,
      occurredAtMs: now,
      receivedAtMs: now,
      priority: 1,
      labels: ['a', 'b'],
      payload: Buffer.from(`{"id":"${event.id}"}`),
      metadata: Buffer.from('{}'),
      dedupKey: Buffer.from(keyOf(event), 'latin1'),
    }),
  );
  return Buffer.from(bytes);
}

function keyOf(event: TestEvent): string {
  return event.key === undefined ? '' : Buffer.from(event.key.padEnd(16, '.')).toString('latin1');
}

/** Encodes an envelope as ingest does. */
export function encodeEnvelope(events: readonly TestEvent[]): Buffer {
  return Buffer.concat(
    events.map((event) =>
      frameItem({
        event: encodeEvent(event),
        dedupKey: keyOf(event),
        bodyHash: '12345678',
        eventId: event.id,
      }),
    ),
  );
}
