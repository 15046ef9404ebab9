import { durationMs } from '@bufbuild/protobuf/wkt';
import {
  type Attempt,
  type Delivery,
  DeliveryCause,
  DeliveryStatus,
  type ListDeliveriesResponse,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import { jsonObject } from '../../request/json-types.ts';
import { codeIn, instant } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import { rawJson } from '../events/event-json.ts';

/** Where a delivery stands, in the words of the published document. */
export const STATUSES = ['PENDING', 'SENT', 'FAILED'] as const;

const STATUS_NAMES = {
  [DeliveryStatus.UNSPECIFIED]: 'PENDING',
  [DeliveryStatus.PENDING]: 'PENDING',
  [DeliveryStatus.SENT]: 'SENT',
  [DeliveryStatus.FAILED]: 'FAILED',
} as const satisfies Record<DeliveryStatus, (typeof STATUSES)[number]>;

const CAUSES = {
  [DeliveryCause.UNSPECIFIED]: 'event',
  [DeliveryCause.EVENT]: 'event',
  [DeliveryCause.RESEND]: 'resend',
  [DeliveryCause.REPLAY]: 'replay',
  [DeliveryCause.TEST]: 'test',
} as const satisfies Record<DeliveryCause, string>;

const before = {
  id: z.string(),
  url: z.string().describe('Where the last attempt went: a URL, or the name of a workflow or queue'),
  event: z.string(),
};
const after = {
  status: z.enum(STATUSES),
  attempts: z.int(),
  lastError: z.string().nullable(),
  createdAt: instant().nullable(),
  processedAt: instant().nullable(),
  endpointId: z.string(),
  eventId: z.string(),
  nextAttemptAt: instant().nullable(),
};
const payload = jsonObject()
  .nullable()
  .describe('Byte for byte; null until the event is stored, and when it is not any more');

const attempt = z
  .strictObject({
    number: z.int(),
    startedAt: instant().nullable(),
    tookMs: z.number(),
    status: z.int().nullable().describe('HTTP status; null when there was none'),
    error: z.string().nullable(),
    response: z.string().describe('The first 16 KiB of the answer'),
    responseEncoding: z.enum(['utf-8', 'base64']),
    address: z.string().nullable().describe('The address that was dialled'),
    cause: codeIn(CAUSES),
  })
  .meta({ id: 'WebhookAttempt' });

/** A delivery in a list. */
export const delivery = z.strictObject({ ...before, payload, ...after }).meta({ id: 'WebhookDelivery' });

/** A delivery with its attempts. */
export const deliveryWithAttempts = z
  .strictObject({ ...before, payload, ...after, attemptLog: z.array(attempt).describe('Oldest first') })
  .meta({ id: 'WebhookDeliveryWithAttempts' });

/** A page of deliveries. */
export const deliveryPage = z
  .strictObject({ deliveries: z.array(delivery), nextCursor: z.string().nullable() })
  .meta({ id: 'WebhookDeliveryPage' });

/** A page of deliveries, their payloads as they came. */
export function deliveriesReply({ deliveries, nextPageToken }: ListDeliveriesResponse): Reply {
  const texts = deliveries.map((one) => deliveryText(one)).join(',');
  const nextCursor = JSON.stringify(nextPageToken || null);
  return { status: 200, body: `{"deliveries":[${texts}],"nextCursor":${nextCursor}}` };
}

/** One delivery without its attempts. */
export function deliveryReply(status: number, one: Delivery): Reply {
  return { status, body: deliveryText(one) };
}

/** One delivery with its attempts. */
export function deliveryWithAttemptsReply(one: Delivery): Reply {
  return { status: 200, body: deliveryText(one, { attemptLog: one.attempts.map(attemptJson) }) };
}

function deliveryText(one: Delivery, more: { attemptLog?: z.output<typeof attempt>[] } = {}): string {
  const head: z.output<z.ZodObject<typeof before>> = { id: one.id, url: one.url, event: one.event };
  const tail: z.output<z.ZodObject<typeof after>> = {
    status: STATUS_NAMES[one.status],
    attempts: one.attemptCount,
    lastError: one.lastError || null,
    createdAt: isoTime(one.createdAt),
    processedAt: isoTime(one.processedAt),
    endpointId: one.endpointId,
    eventId: one.eventId,
    nextAttemptAt: isoTime(one.nextAttemptAt),
  };
  const rest = JSON.stringify({ ...tail, ...more }).slice(1);
  return `${JSON.stringify(head).slice(0, -1)},"payload":${rawJson(one.payloadJson, 'null')},${rest}`;
}

function attemptJson(one: Attempt): z.output<typeof attempt> {
  const { number, took, status, error, address, cause } = one;
  return {
    number,
    startedAt: isoTime(one.startedAt),
    tookMs: took === undefined ? 0 : durationMs(took),
    status: status || null,
    error: error || null,
    ...responseJson(one.response),
    address: address || null,
    cause: CAUSES[cause],
  };
}

function responseJson(bytes: Uint8Array): Pick<z.output<typeof attempt>, 'response' | 'responseEncoding'> {
  try {
    // As of a stream: what is kept may end within a character.
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return { response: decoder.decode(bytes, { stream: true }), responseEncoding: 'utf-8' };
  } catch {
    return { response: Buffer.from(bytes).toString('base64'), responseEncoding: 'base64' };
  }
}
