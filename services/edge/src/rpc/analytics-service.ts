import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import type { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import {
  TailEnd,
  type TailEventsResponse,
  TailEventsResponseSchema,
  TailGap,
} from '@millrace/contracts/millrace/api/v1/tail';
import type { Event } from '@millrace/contracts/millrace/event/v1/event';
import { MillraceError } from '@millrace/runtime';
import type { AuditLog } from '@millrace/stores';
import type { Questions } from '../clients/analytics.ts';
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
import { originOf } from './call-record.ts';
import { callerNow, callerOf } from './gate.ts';

const GAPS: Readonly<Record<GapReason, TailGap>> = { trimmed: TailGap.TRIMMED, replaced: TailGap.REPLACED };
const ENDS: Readonly<Partial<Record<EndReason, TailEnd>>> = {
  slow_reader: TailEnd.SLOW_READER,
  draining: TailEnd.DRAINING,
  unavailable: TailEnd.UNAVAILABLE,
};

/** `millrace.api.v1.AnalyticsService`: the caller's workspace, and what the service says. */
export function createAnalyticsService({
  questions,
  auditLog,
  tail,
}: {
  questions: Questions;
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
    async *tailEvents({ types, userId, after, last }, context) {
      const { workspaceId } = callerOf(context);
      const shown = showEvents(
        { workspaceId, types, userId, after, last },
        { tail, refusal: () => refusalOf(context), signal: context.signal },
      );
      for await (const one of shown) {
        // Throws why the caller is no longer let in.
        if (one.kind === 'end' && ENDS[one.reason] === undefined) await callerNow(context);
        if (one.kind === 'events') yield* one.events.map((event) => event.as(toEventMessage));
        else yield toMessage(one);
      }
    },
  };
}

function changeOf(context: HandlerContext): PropertyChange {
  return { grant: callerOf(context), exchange: originOf(context), signal: context.signal };
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
