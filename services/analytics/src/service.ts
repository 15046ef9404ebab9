import { createHash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AnalyticsService,
  type GetMetricsRequest,
  type GetMetricsResponse,
  GetMetricsResponseSchema,
  type ListAuditEntriesRequest,
  type RunQueryRequest,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import {
  bindService,
  type Clock,
  fieldError,
  type GrpcServiceBinding,
  MillraceError,
} from '@millrace/runtime';
import { type AuditPage, listEntries } from './audit/list-entries.ts';
import type { AuditTable } from './audit/ports.ts';
import { readDashboard } from './dashboard/dashboard.ts';
import type { DashboardQuestions } from './dashboard/questions.ts';
import type { SharedAnswers } from './dashboard/shared-answers.ts';
import type { EventQuestions } from './ports.ts';
import type { QueryStore } from './query/query-store.ts';
import { type QueryAnswer, runQuery } from './query/run-query.ts';

const RATE_SECONDS = 60;

/** Answers about stored events, and about what was done to a workspace. */
export interface Analytics {
  /** Throws MillraceError `unavailable` until the schema is in place and whenever ClickHouse is away. */
  stats(workspaceId: string, signal: AbortSignal): Promise<{ ratePerSecond: number; total: number }>;
  /** The dashboard's figures, at most 10 s old. Throws as `stats` does, and `invalid_argument` naming the field. */
  metrics(request: GetMetricsRequest, signal: AbortSignal): Promise<GetMetricsResponse>;
  /** Throws as `metrics` does, and `resource_exhausted` when too many questions run. */
  query(request: RunQueryRequest, signal: AbortSignal): Promise<QueryAnswer>;
  storeIsUp(signal: AbortSignal): Promise<boolean>;
  /** Throws as `stats` does, and `invalid_argument` naming the field. */
  auditEntries(request: ListAuditEntriesRequest, signal: AbortSignal): Promise<AuditPage>;
}

/** Makes the use cases over a store that may not be ready yet. */
export function createAnalyticsService(options: {
  questions: EventQuestions;
  dashboard: DashboardQuestions;
  answers: SharedAnswers;
  store: QueryStore;
  audit: Pick<AuditTable, 'list'>;
  clock: Clock;
  isReady: () => boolean;
}): Analytics {
  const { questions, dashboard, answers, audit, clock } = options;
  const requireReady = (): void => {
    if (!options.isReady()) throw new MillraceError('unavailable', 'the event store is not ready');
  };
  return {
    async stats(workspaceId, signal) {
      if (workspaceId === '') throw fieldError('workspace_id', 'is required');
      requireReady();
      const { total, lastMinute } = await questions.counts(workspaceId, signal);
      return { ratePerSecond: lastMinute / RATE_SECONDS, total };
    },
    async metrics(request, signal) {
      requireReady();
      const find = async (untilNobodyWaits: AbortSignal) => {
        const figures = await readDashboard(dashboard, request, clock, untilNobodyWaits);
        return toBinary(GetMetricsResponseSchema, create(GetMetricsResponseSchema, figures));
      };
      const { bytes, fromCache } = await answers.read(cacheKey(request), find, signal);
      return { ...fromBinary(GetMetricsResponseSchema, bytes), fromCache };
    },
    async query(request, signal) {
      requireReady();
      return runQuery(options.store, request, clock, signal);
    },
    storeIsUp: (signal) => questions.isUp(signal),
    async auditEntries(request, signal) {
      requireReady();
      return listEntries(audit, request, signal);
    },
  };
}

/** Of one length whatever was asked, and nobody's ids can be read from it. */
function cacheKey({ workspaceId, timeRange, eventType, userIdPart }: GetMetricsRequest): string {
  const asked = JSON.stringify([workspaceId, timeRange, eventType, userIdPart]);
  return createHash('sha256').update(asked).digest('base64url');
}

/** `millrace.analytics.v1.AnalyticsService`; methods that it lacks answer `unimplemented`. */
export function bindAnalytics(analytics: Analytics): GrpcServiceBinding {
  return bindService(AnalyticsService, {
    async getStats({ workspaceId }, { signal }) {
      const { ratePerSecond, total } = await analytics.stats(workspaceId, signal);
      return { ingestionRate: ratePerSecond, totalIngested: BigInt(total) };
    },
    getMetrics: (request, { signal }) => analytics.metrics(request, signal),
    async runQuery(request, { signal }) {
      return { answer: await analytics.query(request, signal) };
    },
    async getStoreHealth(_, { signal }) {
      return { clickhouseUp: await analytics.storeIsUp(signal) };
    },
    listAuditEntries: (request, { signal }) => analytics.auditEntries(request, signal),
  });
}
