import { createHash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AnalyticsService,
  type GetMetricsRequest,
  GetMetricsResponseSchema,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import {
  ListEventsRequestSchema,
  ListFieldNamesRequestSchema,
  ListFieldValuesRequestSchema,
  PutPropertyRequestSchema,
} from '@millrace/contracts/millrace/api/v1/analytics';
import { ListDeadLettersRequestSchema } from '@millrace/contracts/millrace/api/v1/dead_letter';
import {
  bindService,
  type CallContext,
  type Clock,
  fieldError,
  type GrpcServiceBinding,
  MillraceError,
} from '@millrace/runtime';
import { listEntries } from './audit/list-entries.ts';
import type { AuditTable } from './audit/ports.ts';
import { readDashboard } from './dashboard/dashboard.ts';
import type { DashboardQuestions } from './dashboard/questions.ts';
import type { SharedAnswers } from './dashboard/shared-answers.ts';
import type { DeadLetterTable } from './dead-letters/dead-letter-table.ts';
import { getDeadLetter, listDeadLetters, recordChanges } from './dead-letters/dead-letters.ts';
import { toDeletionMessage } from './erasure/deletion-record.ts';
import type { Erasure } from './erasure/open-erasure.ts';
import type { EventQuestions } from './event-questions.ts';
import { listFieldNames, listFieldValues } from './events/field-names.ts';
import { getEvent, listEvents } from './events/list-events.ts';
import { getReceipt, type ReceiptSources } from './events/receipt.ts';
import type { EventExport } from './export/export-events.ts';
import {
  deleteProperty,
  listProperties,
  type PropertyDeps,
  propertyColumns,
  putProperty,
} from './properties/properties.ts';
import type { QuerySlots } from './query/query-slots.ts';
import type { QueryStore } from './query/query-store.ts';
import { runQuery } from './query/run-query.ts';
import type { SqlRunner } from './sql/run-sql.ts';
import { answerTail } from './tail/answer.ts';
import type { Tail } from './tail/tail.ts';

const RATE_SECONDS = 60;

/**
 * `millrace.analytics.v1.AnalyticsService` over a store that may not be ready yet: until it is, and whenever ClickHouse is away, methods
 * throw MillraceError `unavailable`. Methods that are missing answer `unimplemented`.
 */
export function bindAnalytics(options: {
  questions: EventQuestions;
  dashboard: DashboardQuestions;
  /** Of dashboards that have to be read. */
  dashboardSlots: QuerySlots;
  answers: SharedAnswers;
  store: QueryStore;
  properties: PropertyDeps;
  letters: DeadLetterTable;
  receipts: ReceiptSources;
  audit: Pick<AuditTable, 'list'>;
  tail: Tail;
  sql: SqlRunner;
  /** Undefined while NATS is away. */
  erasure: () => Pick<Erasure, 'deletions' | 'retention'> | undefined;
  exports: EventExport;
  clock: Clock;
  isReady: () => boolean;
}): GrpcServiceBinding {
  const { questions, dashboard, dashboardSlots, answers, store, properties, audit, clock } = options;
  const columnsOf = (workspaceId: string) => propertyColumns(properties.properties(), workspaceId);
  const whenReady =
    <Request, Answer>(answer: (request: Request, signal: AbortSignal) => Promise<Answer>) =>
    async (request: Request, { signal }: CallContext): Promise<Answer> => {
      if (options.isReady()) return answer(request, signal);
      throw new MillraceError('unavailable', 'the event store is not ready');
    };
  const erasure = () => {
    const known = options.erasure();
    if (known) return known;
    throw new MillraceError('unavailable', 'deletions are not ready');
  };
  return bindService(AnalyticsService, {
    getStats: whenReady(async ({ workspaceId }, signal) => {
      if (workspaceId === '') throw fieldError('workspace_id', 'is required');
      const { total, lastMinute } = await questions.counts(workspaceId, signal);
      return { ingestionRate: lastMinute / RATE_SECONDS, totalIngested: BigInt(total) };
    }),
    getMetrics: whenReady(async (request, signal) => {
      const find = async (untilNobodyWaits: AbortSignal) => {
        const read = () => readDashboard(dashboard, request, clock, untilNobodyWaits);
        const figures = await dashboardSlots.run(request.workspaceId, read, untilNobodyWaits);
        return toBinary(GetMetricsResponseSchema, create(GetMetricsResponseSchema, figures));
      };
      const { bytes, fromCache } = await answers.read(cacheKey(request), find, signal);
      return { ...fromBinary(GetMetricsResponseSchema, bytes), fromCache };
    }),
    runQuery: whenReady(async (request, signal) => {
      const { workspaceId } = request;
      const answer = await runQuery(store, request, columnsOf(workspaceId), clock, signal);
      if (answer.case === 'table')
        properties.suggestions.asked(workspaceId, answer.value.unregisteredProperties ?? []);
      return { answer };
    }),
    listEvents: whenReady(async ({ workspaceId, request = create(ListEventsRequestSchema) }, signal) => ({
      response: await listEvents(store, workspaceId, request, clock, signal),
    })),
    getEvent: whenReady(async ({ workspaceId, id }, signal) => ({
      event: await getEvent(store, workspaceId, id, signal),
    })),
    getReceipt: whenReady((request, signal) => getReceipt(options.receipts, request, signal)),
    listDeadLetters: whenReady(
      async ({ workspaceId, request = create(ListDeadLettersRequestSchema) }, signal) => ({
        response: await listDeadLetters(options.letters, workspaceId, request, signal),
      }),
    ),
    getDeadLetter: whenReady(({ workspaceId, id }, signal) =>
      getDeadLetter(options.letters, workspaceId, id, signal),
    ),
    recordDeadLetterChanges: whenReady(async (request, signal) => {
      await recordChanges(options.letters, request, clock, signal);
      return {};
    }),
    listFieldNames: whenReady(
      async ({ workspaceId, request = create(ListFieldNamesRequestSchema) }, signal) => ({
        response: await listFieldNames(store, workspaceId, request, signal),
      }),
    ),
    listFieldValues: whenReady(
      async ({ workspaceId, request = create(ListFieldValuesRequestSchema) }, signal) => ({
        response: await listFieldValues(store, workspaceId, request, columnsOf(workspaceId), clock, signal),
      }),
    ),
    listProperties: whenReady(async ({ workspaceId }, signal) => ({
      response: await listProperties(properties, workspaceId, signal),
    })),
    putProperty: whenReady(
      async ({ workspaceId, askedBy, request: wish = create(PutPropertyRequestSchema) }, signal) => ({
        response: await putProperty(properties, { workspaceId, askedBy, wish }, signal),
      }),
    ),
    deleteProperty: whenReady(async ({ workspaceId, request }) => {
      await deleteProperty(properties, workspaceId, request?.path ?? '');
      return {};
    }),
    listAuditEntries: whenReady((request, signal) => listEntries(audit, request, signal)),
    tailEvents: (request, context) => answerTail(options.tail, request, context),
    async *runSql(request, { signal }) {
      if (!options.isReady()) throw new MillraceError('unavailable', 'the event store is not ready');
      for await (const part of options.sql.run(request, signal)) yield { part };
    },
    async *exportEvents(request, { signal }) {
      if (!options.isReady()) throw new MillraceError('unavailable', 'the event store is not ready');
      for await (const data of options.exports.read(request, signal)) yield { data };
    },
    requestDeletion: async (request) => ({
      deletion: toDeletionMessage(await erasure().deletions.request(request)),
    }),
    listDeletions: async (request) => erasure().deletions.list(request),
    getDeletion: async (request) => ({ deletion: toDeletionMessage(erasure().deletions.get(request)) }),
    getRetention: async ({ workspaceId }) => ({ days: erasure().retention.get(workspaceId) }),
    setRetention: async ({ workspaceId, days }) => ({
      daysBefore: await erasure().retention.set(workspaceId, days),
    }),
    async getStoreHealth(_, { signal }) {
      return { clickhouseUp: await questions.isUp(signal) };
    },
  });
}

/** Of one length whatever was asked, and nobody's ids can be read from it. */
function cacheKey({ workspaceId, timeRange, eventType, userIdPart }: GetMetricsRequest): string {
  const asked = JSON.stringify([workspaceId, timeRange, eventType, userIdPart]);
  return createHash('sha256').update(asked).digest('base64url');
}
