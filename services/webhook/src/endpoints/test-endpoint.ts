import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  type Delivery,
  DeliveryCause,
  DeliverySchema,
  DeliveryStatus,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { type Clock, MillraceError } from '@millrace/runtime';
import type { AttemptRow } from '@millrace/stores';
import { encodeEvent } from '@millrace/wire';
import { attemptRow } from '../engine/attempts.ts';
import { StreamedEvent } from '../engine/streamed-event.ts';
import type { Targets } from '../targets/target.ts';
import type { EndpointRecord } from './endpoint-record.ts';
import type { LiveEndpoint } from './live-endpoint.ts';

/** The type of the events that tests send. */
export const TEST_EVENT = 'millrace.test';

/** Makes one attempt with an event that nobody sent, and records it. Throws MillraceError `unavailable` when that can't be. */
export async function testEndpoint(
  deps: {
    readonly liveEndpoint: (record: EndpointRecord) => LiveEndpoint | undefined;
    readonly targets: Targets;
    readonly insert: (rows: readonly AttemptRow[]) => Promise<void>;
    readonly clock: Clock;
    readonly newId: () => string;
  },
  record: EndpointRecord,
): Promise<Delivery> {
  const endpoint = deps.liveEndpoint(record);
  if (endpoint === undefined)
    throw new MillraceError('failed_precondition', 'the endpoint can not be called');
  const startedAtMs = deps.clock.now();
  const payload = JSON.stringify({ endpointId: record.id, message: 'This is a test.' });
  const bytes = encodeEvent(
    {
      ...{ workspaceId: record.workspaceId, eventId: deps.newId(), eventType: TEST_EVENT, dialect: 'native' },
      ...{ source: '', userId: '', sessionId: '', priority: 1, labels: [], metadata: '{}', traceId: '' },
      ...{ occurredAtMs: startedAtMs, receivedAtMs: startedAtMs, payload },
    },
    '',
  );
  const event = new StreamedEvent({ seq: 0, index: 0 }, record.workspaceId, Buffer.from(bytes));
  const delivery = {
    id: event.deliveryId(record.id),
    event,
    cause: 'test' as const,
    attempt: 1,
    createdAtMs: startedAtMs,
  };
  const result = await deps.targets.attempt(endpoint, delivery);
  const row = attemptRow(endpoint, delivery, { result, startedAtMs, dueAtMs: undefined });
  await deps.insert([{ ...row, payload: Buffer.from(payload) }]);
  const succeeded = result.kind === 'delivered';
  return create(DeliverySchema, {
    id: delivery.id,
    endpointId: record.id,
    url: row.url,
    eventId: row.eventId,
    event: TEST_EVENT,
    payloadJson: Buffer.from(payload),
    status: succeeded ? DeliveryStatus.SENT : DeliveryStatus.FAILED,
    attemptCount: 1,
    lastError: result.error,
    createdAt: timestampFromMs(startedAtMs),
    processedAt: timestampFromMs(startedAtMs + Math.round(result.tookMs)),
    attempts: [
      {
        number: 1,
        startedAt: timestampFromMs(startedAtMs),
        took: durationFromMs(Math.round(result.tookMs)),
        status: result.status,
        error: result.error,
        response: result.response,
        address: result.address,
        cause: DeliveryCause.TEST,
      },
    ],
  });
}
