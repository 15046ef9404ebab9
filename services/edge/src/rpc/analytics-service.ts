import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { type AnalyticsService, ReceiptStatus } from '@millrace/contracts/millrace/api/v1/analytics';
import { type ExportEventsRequest, ExportFormat } from '@millrace/contracts/millrace/api/v1/export';
import {
  TailEnd,
  type TailEventsResponse,
  TailEventsResponseSchema,
  TailGap,
} from '@millrace/contracts/millrace/api/v1/tail';
import type { Event } from '@millrace/contracts/millrace/event/v1/event';
import { fieldError, MillraceError } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { Deletions, Questions } from '../clients/analytics.ts';
import { toReceipt } from '../management/events/receipt.ts';
import { type ExportRequest, exportEvents } from '../management/export/export-events.ts';
import {
  deleteProperty,
  type PropertyChange,
  putProperty,
} from '../management/properties/change-property.ts';
import {
  type EndReason,
  type GapReason,
  type Shown,
  showEvents,
  type TailDeps,
} from '../management/tail/show-events.ts';
import { callerNow, callerOf, requesterOf } from './gate.ts';
import { milliseconds } from './message-fields.ts';

const GAPS: Readonly<Record<GapReason, TailGap>> = { trimmed: TailGap.TRIMMED, replaced: TailGap.REPLACED };
const ENDS: Readonly<Partial<Record<EndReason, TailEnd>>> = {
  slow_reader: TailEnd.SLOW_READER,
  draining: TailEnd.DRAINING,
  unavailable: TailEnd.UNAVAILABLE,
};

const RECEIPT_STATUSES = {
  accepted: ReceiptStatus.ACCEPTED,
  stored: ReceiptStatus.STORED,
  dead_letter: ReceiptStatus.DEAD_LETTER,
} as const;
const FORMATS: Readonly<Record<ExportFormat, ExportRequest['format']>> = {
  [ExportFormat.UNSPECIFIED]: 'ndjson',
  [ExportFormat.NDJSON]: 'ndjson',
  [ExportFormat.PARQUET]: 'parquet',
};

/** `millrace.api.v1.AnalyticsService`: the caller's workspace, and what the service says. */
export function createAnalyticsService({
  questions,
  deletions,
  auditLog,
  tail,
}: {
  questions: Questions;
  deletions: Deletions;
  auditLog: AuditLog;
  tail: TailDeps;
}): ServiceImpl<typeof AnalyticsService> {
  return {
    async query({ query }, context) {
      const { workspaceId } = callerOf(context);
      const request = query === undefined ? { workspaceId } : { workspaceId, query };
      const { answer } = await questions.runQuery(request, context.signal);
      if (answer.case !== 'table') throw new MillraceError('internal', 'an answer without a table');
      return { table: answer.value };
    },
    async listEvents(request, context) {
      const { workspaceId } = callerOf(context);
      return (await questions.listEvents({ workspaceId, request }, context.signal)).response ?? {};
    },
    async getEvent({ id }, context) {
      const { workspaceId } = callerOf(context);
      const { event } = await questions.getEvent({ workspaceId, id }, context.signal);
      return event === undefined ? {} : { event };
    },
    async getReceipt({ id }, context) {
      const { workspaceId } = callerOf(context);
      const receipt = toReceipt(await questions.getReceipt({ workspaceId, id }, context.signal));
      const { event, deadLetterId, deliveries } = receipt;
      return {
        ...{ event, deadLetterId },
        status: RECEIPT_STATUSES[receipt.status],
        deliveries: deliveries.map(({ $typeName, $unknown, ...delivery }) => delivery),
      };
    },
    async listFieldNames(request, context) {
      const { workspaceId } = callerOf(context);
      return (await questions.listFieldNames({ workspaceId, request }, context.signal)).response ?? {};
    },
    async listFieldValues(request, context) {
      const { workspaceId } = callerOf(context);
      return (await questions.listFieldValues({ workspaceId, request }, context.signal)).response ?? {};
    },
    async listProperties(_, context) {
      const { workspaceId } = callerOf(context);
      return (await questions.listProperties({ workspaceId }, context.signal)).response ?? {};
    },
    putProperty: (wish, context) => putProperty({ questions, auditLog }, changeOf(context), wish),
    async deleteProperty({ path }, context) {
      await deleteProperty({ questions, auditLog }, changeOf(context), path);
      return {};
    },
    async *tailEvents({ types, userId, after, last, filter }, context) {
      const { workspaceId } = callerOf(context);
      const shown = showEvents(
        { workspaceId, types, userId, after, last, ...(filter && { filter }) },
        { tail, refusal: () => refusalOf(context), signal: context.signal },
      );
      for await (const one of shown) {
        // Throws why the caller is no longer let in.
        if (one.kind === 'end' && ENDS[one.reason] === undefined) await callerNow(context);
        if (one.kind === 'events') yield* one.events.map((event) => event.as(toEventMessage));
        else yield toMessage(one);
      }
    },
    async *exportEvents(request, context) {
      const wanted = toExport(request);
      const pieces = exportEvents({ deletions, auditLog }, requesterOf(context), wanted, context.signal);
      for await (const data of pieces) yield { data };
    },
  };
}

function toExport({ format, userId, from, to }: ExportEventsRequest): ExportRequest {
  const written = FORMATS[format];
  if (written === undefined) throw fieldError('format', 'is not known');
  return { format: written, userId, fromMs: milliseconds('from', from), toMs: milliseconds('to', to) };
}

function changeOf(context: HandlerContext): PropertyChange {
  return { ...requesterOf(context), signal: context.signal };
}

async function refusalOf(
  context: HandlerContext,
): Promise<'unauthenticated' | 'permission_denied' | undefined> {
  try {
    await callerNow(context);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return error.code === Code.PermissionDenied ? 'permission_denied' : 'unauthenticated';
  }
}

function toMessage(
  shown: Exclude<Shown, { kind: 'events' }>,
): MessageInitShape<typeof TailEventsResponseSchema> {
  const { cursor } = shown;
  switch (shown.kind) {
    case 'gap':
      return { cursor, told: { case: 'gap', value: GAPS[shown.reason] } };
    case 'end':
      return { cursor, told: { case: 'end', value: ENDS[shown.reason] ?? TailEnd.UNAVAILABLE } };
    case 'still':
      return { cursor };
  }
}

function toEventMessage(event: Event, cursor: string): TailEventsResponse {
  const { eventId: id, eventType: type, source, userId, sessionId, priority, labels, dialect } = event;
  const value = {
    ...{ id, type, source, userId, sessionId, priority, labels, dialect },
    occurredAt: timestampFromMs(Number(event.occurredAtMs)),
    receivedAt: timestampFromMs(Number(event.receivedAtMs)),
    payloadJson: event.payload,
    metadataJson: event.metadata,
  };
  return create(TailEventsResponseSchema, { cursor, told: { case: 'event', value } });
}
