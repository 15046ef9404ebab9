import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import {
  AnalyticsService,
  type Deletion,
  type ExportEventsRequestSchema,
  type ExportEventsResponse,
  type GetMetricsRequestSchema,
  type GetMetricsResponse,
  type ListAuditEntriesRequestSchema,
  type ListAuditEntriesResponse,
  type ListDeletionsRequestSchema,
  type ListDeletionsResponse,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import {
  createGrpcClient,
  type GrpcClientOptions,
  MillraceError,
  type ServiceMethods,
} from '@millrace/runtime';
import { type DeliveryQuestions, deliveriesBy } from './analytics-deliveries.ts';
import { type EventTail, type SqlAnswers, sqlBy, tailBy } from './analytics-streams.ts';

/** What the edge asks the analytics service. */
export interface AnalyticsGateway
  extends EventStats,
    AuditEntries,
    Questions,
    SqlAnswers,
    EventTail,
    Deletions,
    DeliveryQuestions {
  /** Whether ClickHouse answers. */
  storeIsUp(signal: AbortSignal): Promise<boolean>;
}

const TIMEOUT_MS = 5_000;
/** Longest that a question may take, in milliseconds: what ClickHouse is given for it, and the wait for a turn. */
const QUERY_TIMEOUT_MS = 28_000;
/** For a dead letter: two questions of 4 s, or an insert of 10 s. */
const LETTER_TIMEOUT_MS = 11_000;
/** All streams of a connection share a window of 64 KiB, which one round trip fills again. */
const TAIL_CONNECTIONS = 8;

/** Asks the analytics service over gRPC. */
export function analyticsOverGrpc(options: GrpcClientOptions): AnalyticsGateway & { close(): void } {
  const client = createGrpcClient(AnalyticsService, options);
  const deliveries = createGrpcClient(DeliveryService, options);
  const tails = Array.from({ length: TAIL_CONNECTIONS }, () =>
    createGrpcClient(AnalyticsService, { ...options, ownConnections: true }),
  );
  let opened = 0;
  return {
    ...analyticsFrom(client.methods, deliveries.methods),
    tailEvents(question, signal) {
      const next = tails[opened++ % tails.length] ?? client;
      return tailBy(next.methods).tailEvents(question, signal);
    },
    runSql(request, signal) {
      const next = tails[opened++ % tails.length] ?? client;
      return sqlBy(next.methods).runSql(request, signal);
    },
    async *exportEvents(request, signal) {
      // A connection of its own: one that is taken slowly fills the window that all streams of a connection share.
      const own = createGrpcClient(AnalyticsService, { ...options, ownConnections: true });
      try {
        yield* exportBy(own.methods)(request, signal);
      } finally {
        own.close();
      }
    },
    close() {
      for (const one of [client, deliveries, ...tails]) one.close();
    },
  };
}

/** Asks the analytics service by its methods, wherever they are. */
export function analyticsFrom(
  methods: ServiceMethods<typeof AnalyticsService>,
  deliveries: ServiceMethods<typeof DeliveryService>,
): AnalyticsGateway {
  return {
    async read(workspaceId) {
      const stats = await methods.getStats({ workspaceId }, { timeoutMs: TIMEOUT_MS });
      return { ratePerSecond: stats.ingestionRate, total: Number(stats.totalIngested) };
    },
    async storeIsUp(signal) {
      const health = await methods.getStoreHealth({}, { timeoutMs: TIMEOUT_MS, signal });
      return health.clickhouseUp;
    },
    async requestDeletion(request) {
      return present(await methods.requestDeletion(request, { timeoutMs: TIMEOUT_MS }));
    },
    listDeletions: (request) => methods.listDeletions(request, { timeoutMs: TIMEOUT_MS }),
    async getDeletion(request) {
      return present(await methods.getDeletion(request, { timeoutMs: TIMEOUT_MS }));
    },
    async retentionDays(workspaceId) {
      return (await methods.getRetention({ workspaceId }, { timeoutMs: TIMEOUT_MS })).days;
    },
    async setRetentionDays(workspaceId, days) {
      return (await methods.setRetention({ workspaceId, days }, { timeoutMs: TIMEOUT_MS })).daysBefore;
    },
    exportEvents: exportBy(methods),
    listAuditEntries: (request) => methods.listAuditEntries(request, { timeoutMs: TIMEOUT_MS }),
    metrics: (request, signal) => methods.getMetrics(request, { timeoutMs: TIMEOUT_MS, signal }),
    runQuery: (request, signal) => methods.runQuery(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    listEvents: (request, signal) => methods.listEvents(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    getEvent: (request, signal) => methods.getEvent(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    getReceipt: (request, signal) => methods.getReceipt(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    listDeadLetters: (request, signal) => methods.listDeadLetters(request, { timeoutMs: TIMEOUT_MS, signal }),
    getDeadLetter: (request, signal) =>
      methods.getDeadLetter(request, { timeoutMs: LETTER_TIMEOUT_MS, signal }),
    recordDeadLetterChanges: (request, signal) =>
      methods.recordDeadLetterChanges(request, { timeoutMs: LETTER_TIMEOUT_MS, signal }),
    listFieldNames: (request, signal) =>
      methods.listFieldNames(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    listFieldValues: (request, signal) =>
      methods.listFieldValues(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    listProperties: (request, signal) =>
      methods.listProperties(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    putProperty: (request, signal) => methods.putProperty(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    deleteProperty: (request, signal) =>
      methods.deleteProperty(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    ...sqlBy(methods),
    ...tailBy(methods),
    ...deliveriesBy(deliveries),
  };
}

function exportBy(methods: ServiceMethods<typeof AnalyticsService>): Deletions['exportEvents'] {
  return (request, signal) =>
    methods.exportEvents(request, { timeoutMs: EXPORT_SILENCE_MS, idleMs: EXPORT_SILENCE_MS, signal });
}

/** A workspace's stored events, as the analytics service counts them. */
export interface EventStats {
  /** Throws MillraceError `unavailable` while ClickHouse or the service is away. */
  read(workspaceId: string): Promise<{ ratePerSecond: number; total: number }>;
}

type Methods = (typeof AnalyticsService)['method'];

/**
 * Answers questions about stored events; a signal that aborts ends the question. Throws MillraceError, `invalid_argument` naming the
 * field among them.
 */
export type Questions = {
  readonly [Name in QuestionName]: (
    request: MessageInitShape<Methods[Name]['input']>,
    signal: AbortSignal,
  ) => Promise<MessageShape<Methods[Name]['output']>>;
} & {
  /** The dashboard's figures. */
  metrics(
    request: MessageInitShape<typeof GetMetricsRequestSchema>,
    signal: AbortSignal,
  ): Promise<GetMetricsResponse>;
};

type QuestionName =
  | 'runQuery'
  | 'listEvents'
  | 'getEvent'
  | 'getReceipt'
  | 'listDeadLetters'
  | 'getDeadLetter'
  | 'recordDeadLetterChanges'
  | 'listFieldNames'
  | 'listFieldValues'
  | 'listProperties'
  | 'putProperty'
  | 'deleteProperty';

/** Reads the audit log. */
export interface AuditEntries {
  /** A page of a workspace's entries, newest first. Throws MillraceError `unavailable` while the store is away. */
  listAuditEntries(
    request: MessageInitShape<typeof ListAuditEntriesRequestSchema>,
  ): Promise<ListAuditEntriesResponse>;
}

/** Deletes stored events, and gives them away. Throws MillraceError, `invalid_argument` naming the field among them. */
export interface Deletions {
  requestDeletion(request: { readonly workspaceId: string; readonly userId: string }): Promise<Deletion>;
  listDeletions(request: MessageInitShape<typeof ListDeletionsRequestSchema>): Promise<ListDeletionsResponse>;
  /** `not_found` for another workspace's. */
  getDeletion(request: { readonly workspaceId: string; readonly id: string }): Promise<Deletion>;
  /** For how many days events are kept; 0 for ever. */
  retentionDays(workspaceId: string): Promise<number>;
  /** Answers what was set before. */
  setRetentionDays(workspaceId: string, days: number): Promise<number>;
  /** A file in pieces; the first, an empty one, comes when nothing can be refused any more. A signal that aborts ends it. */
  exportEvents(
    request: MessageInitShape<typeof ExportEventsRequestSchema>,
    signal: AbortSignal,
  ): AsyncIterable<ExportEventsResponse>;
}

/** Longest wait for the first or the next piece of an export, in milliseconds. */
const EXPORT_SILENCE_MS = 60_000;

/** An answer always has its job, which its type can't say. */
function present({ deletion }: { readonly deletion?: Deletion | undefined }): Deletion {
  if (deletion !== undefined) return deletion;
  throw new MillraceError('internal', 'an answer came without its message');
}
