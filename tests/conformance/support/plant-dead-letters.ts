import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { EventSchema } from '@millrace/contracts/millrace/event/v1/event';
import { eventually, type TestStack } from '@millrace/testkit';
import { frameItem } from '@millrace/wire';
import { connect } from 'nats';

/** An event on its way to become a dead letter. */
export interface PoisonEvent {
  readonly workspaceId: string;
  readonly id: string;
  readonly type?: string;
  readonly payload?: string;
  /** How many bytes are missing at its end; otherwise ClickHouse refuses it for its priority. */
  readonly cut?: number;
}

/**
 * Puts events into the stream that no edge would let in, among many that are good, so that the writer takes them for the exception;
 * waits until they are parked, and answers the ids of their letters.
 */
export async function plantDeadLetters(stack: TestStack, events: readonly PoisonEvent[]): Promise<string[]> {
  const { url, username: user, password: pass } = stack.connection.nats;
  const connection = await connect({ servers: url, user, pass });
  try {
    const good = Array.from({ length: 100 + events.length * 10 }, (_, i) =>
      framed({ workspaceId: 'planted', id: `good-${i}`, priority: 1 }),
    );
    const poison = events.map((event) => framed({ ...event, priority: 300 }));
    const { seq } = await connection.jetstream().publish('events.1.0', Buffer.concat([...good, ...poison]));
    const ids = events.map((_, i) => `1000-${seq}-${good.length + i}`);
    await eventually(async () => {
      const [row] = await stack.inspector.rows(
        'SELECT toUInt32(uniqExact(`index`)) AS n FROM dead_letters WHERE seq = {seq:UInt64}',
        { seq },
      );
      assert.equal(row?.['n'], events.length);
    });
    return ids;
  } finally {
    await connection.close();
  }
}

function framed({
  workspaceId,
  id,
  type = 'planted',
  payload = '{}',
  cut = 0,
  priority,
}: PoisonEvent & { readonly priority: number }): Buffer {
  const now = BigInt(Date.now());
  const event = create(EventSchema, {
    ...{ workspaceId, priority },
    eventId: id,
    eventType: type,
    dialect: 'analytics',
    userId: 'user',
    occurredAtMs: now,
    receivedAtMs: now,
    payload: Buffer.from(payload),
    metadata: Buffer.from('{}'),
  });
  const bytes = Buffer.from(toBinary(EventSchema, event));
  const body = bytes.subarray(0, bytes.length - cut);
  return frameItem({ event: body, dedupKey: '', bodyHash: '12345678', eventId: id });
}
