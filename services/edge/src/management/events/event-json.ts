import type { MessageShape } from '@bufbuild/protobuf';
import type { StoredEventSchema } from '@millrace/contracts/millrace/api/v1/analytics';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import { jsonObject } from '../../request/json-types.ts';
import { instant } from '../../request/response.ts';

/** An event as answers have it; a text that it hasn't got is null. */
export const eventSchema = z
  .strictObject({
    id: z.string(),
    type: z.string(),
    source: z.string().nullable(),
    userId: z.string().nullable(),
    sessionId: z.string().nullable(),
    occurredAt: instant().nullable(),
    receivedAt: instant().nullable(),
    priority: z.number(),
    labels: z.array(z.string()),
    dialect: z.string(),
    traceId: z.string().nullable(),
    payload: jsonObject().nullable(),
    metadata: jsonObject().nullable(),
  })
  .meta({ id: 'StoredEvent' });

/** One, for documentation. */
export const EVENT_EXAMPLE = {
  id: 'evt_1',
  type: 'user.created',
  source: null,
  userId: 'user_1',
  sessionId: null,
  occurredAt: '2024-01-30T12:34:56.000Z',
  receivedAt: '2024-01-30T12:34:56.789Z',
  priority: 1,
  labels: [],
  dialect: 'native',
  traceId: null,
  payload: { plan: 'pro' },
  metadata: {},
};

/** An event as JSON text: its payload and metadata byte for byte, with every digit of their numbers; null for what is no JSON. */
export function eventJson(event: Omit<MessageShape<typeof StoredEventSchema>, '$typeName'>): string {
  const head = JSON.stringify({
    id: event.id,
    type: event.type,
    source: event.source || null,
    userId: event.userId || null,
    sessionId: event.sessionId || null,
    occurredAt: isoTime(event.occurredAt),
    receivedAt: isoTime(event.receivedAt),
    priority: event.priority,
    labels: event.labels,
    dialect: event.dialect,
    traceId: event.traceId || null,
  });
  return `${head.slice(0, -1)},"payload":${rawJson(event.payloadJson, '{}')},"metadata":${rawJson(event.metadataJson, '{}')}}`;
}

/** Stored JSON as it came; `absent` where there is none. */
export function rawJson(bytes: Uint8Array, absent: string): string {
  if (bytes.length === 0) return absent;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    // A damaged event's: what is there of it may not spoil the answer around it.
    return 'null';
  }
}
