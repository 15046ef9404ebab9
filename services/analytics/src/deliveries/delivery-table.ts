import { DeliveryStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { MillraceError } from '@millrace/runtime';
import { ask, type ClickHouseClient, exceededLimit, loadSql } from '@millrace/stores';
import { z } from 'zod';
import type { AnalyticsMetrics } from '../metrics.ts';

/** What the client of deliveries asks with. */
export interface DeliverySources {
  readonly client: ClickHouseClient;
  readonly metrics: AnalyticsMetrics;
}

/** Its callers wait for 5 s. */
const QUESTION_TIMEOUT_MS = 4_000;
const MAX_MEMORY_BYTES = 512 * 1024 ** 2;
/** With what stands around them, payloads of a page fit into a message. */
const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

const load = (name: string) => loadSql(import.meta.url, `queries/${name}.sql`);
const sql = {
  candidates: load('candidates'),
  deliveries: load('deliveries'),
  attempts: load('attempts'),
  payloads: load('payloads'),
};

/** Bytes that travel as base64. */
export const bytesRow = z.string().transform((text) => Buffer.from(text, 'base64'));
/** A status by the table's word for it. */
export const deliveryStatus = z.string().transform((text) => STATUSES[text] ?? DeliveryStatus.UNSPECIFIED);
const candidateRow = z.object({ id: z.string(), createdAtMs: z.coerce.number(), seq: z.coerce.number() });
const ofItsEvent = {
  endpointId: z.string(),
  url: z.string(),
  eventId: z.string(),
  event: z.string(),
  receivedAtMs: z.coerce.number(),
  payload: bytesRow,
  status: deliveryStatus,
  createdAtMs: z.coerce.number(),
  nextAttemptAtMs: z.coerce.number(),
};
const deliveryRow = z.object({
  ...ofItsEvent,
  id: z.string(),
  attemptCount: z.number(),
  lastError: z.string(),
  endedAtMs: z.coerce.number(),
});
const attemptRow = z.object({
  ...ofItsEvent,
  number: z.number(),
  startedAtMs: z.coerce.number(),
  tookMs: z.number(),
  httpStatus: z.number(),
  error: z.string(),
  response: bytesRow,
  address: z.string(),
  cause: z.string(),
  seq: z.coerce.bigint(),
  index: z.number(),
});
const payloadRow = z.object({ eventId: z.string(), receivedAtMs: z.coerce.number(), payload: bytesRow });

const STATUSES: Readonly<Record<string, DeliveryStatus>> = {
  pending: DeliveryStatus.PENDING,
  sent: DeliveryStatus.SENT,
  failed: DeliveryStatus.FAILED,
};

/** A row that may be a delivery's newest. */
export type Candidate = z.output<typeof candidateRow>;
/** A delivery, as its newest attempt left it; times are in milliseconds since 1970, 0 for none. */
export type DeliveryRow = z.output<typeof deliveryRow>;
/** An attempt, and what it tells of its delivery. */
export type AttemptOfDelivery = z.output<typeof attemptRow>;

/** The table's word for a status; empty for any, undefined for one that there isn't. */
export function statusWord(wanted: DeliveryStatus): string | undefined {
  if (wanted === DeliveryStatus.UNSPECIFIED) return '';
  return Object.keys(STATUSES).find((word) => STATUSES[word] === wanted);
}

/** `millrace.webhook_attempts` as people ask it. Every call throws MillraceError `unavailable` when ClickHouse doesn't answer. */
export interface DeliveryTable {
  /** Rows of an endpoint, newest delivery first; a delivery has as many as attempts. */
  candidates(question: CandidateQuestion, signal: AbortSignal): Promise<Candidate[]>;
  /** The deliveries of candidates, in no order. */
  deliveries(
    question: { workspaceId: string; endpointId: string; candidates: readonly Candidate[] },
    signal: AbortSignal,
  ): Promise<DeliveryRow[]>;
  /** The newest hundred attempts of a delivery, newest first. */
  attempts(workspaceId: string, id: string, signal: AbortSignal): Promise<AttemptOfDelivery[]>;
  /** The payloads of those events that are stored, by `payloadKey`; undefined when they are too large for one answer. */
  payloads(
    workspaceId: string,
    events: readonly EventOfDelivery[],
    signal: AbortSignal,
  ): Promise<Map<string, Buffer> | undefined>;
}

/** What an event is found by. */
export type EventOfDelivery = Pick<DeliveryRow, 'eventId' | 'receivedAtMs'>;

/** Which rows; texts are empty for all. */
export interface CandidateQuestion {
  readonly workspaceId: string;
  readonly endpointId: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly behindMs: number;
  readonly behindId: string;
  readonly status: string;
  readonly event: string;
  readonly eventId: string;
  readonly limit: number;
}

/** Names an event among those of a workspace: an id may come again when it is no longer known. */
export function payloadKey({ eventId, receivedAtMs }: EventOfDelivery): string {
  return `${receivedAtMs} ${eventId}`;
}

/** The table in the client's default database. */
export function createDeliveryTable({ client, metrics }: DeliverySources): DeliveryTable {
  const common = { timeoutMs: QUESTION_TIMEOUT_MS, settings: { max_memory_usage: String(MAX_MEMORY_BYTES) } };
  return {
    candidates: (params, signal) =>
      metrics.timed('deliveries', () =>
        ask(client, { ...common, sql: sql.candidates, params: { ...params }, row: candidateRow, signal }),
      ),
    deliveries: ({ workspaceId, endpointId, candidates }, signal) => {
      const ids = candidates.map(({ id }) => id);
      const seqs = candidates.map(({ seq }) => seq);
      const params = { workspaceId, endpointId, ids, seqs };
      return metrics.timed('deliveries', () =>
        ask(client, { ...common, sql: sql.deliveries, params, row: deliveryRow, signal }),
      );
    },
    attempts: (workspaceId, id, signal) =>
      metrics.timed('delivery', () =>
        ask(client, { ...common, sql: sql.attempts, params: { workspaceId, id }, row: attemptRow, signal }),
      ),
    async payloads(workspaceId, events, signal) {
      if (events.length === 0) return new Map();
      const params = {
        workspaceId,
        eventIds: events.map(({ eventId }) => eventId),
        receivedAtMs: events.map(({ receivedAtMs }) => receivedAtMs),
      };
      const settings = { ...common.settings, max_result_bytes: String(MAX_PAYLOAD_BYTES) };
      try {
        const rows = await metrics.timed('payloads', () =>
          ask(client, { ...common, sql: sql.payloads, params, row: payloadRow, settings, signal }),
        );
        return new Map(rows.map((row) => [payloadKey(row), row.payload]));
      } catch (error) {
        if (error instanceof MillraceError && exceededLimit(error.cause) === 'result') return undefined;
        throw error;
      }
    },
  };
}
