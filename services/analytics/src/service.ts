import {
  AnalyticsService,
  type ListAuditEntriesRequest,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { bindService, fieldError, type GrpcServiceBinding, MillraceError } from '@millrace/runtime';
import { type AuditPage, listEntries } from './audit/list-entries.ts';
import type { AuditTable } from './audit/ports.ts';
import type { EventQuestions } from './ports.ts';

const RATE_SECONDS = 60;

/** Answers about stored events, and about what was done to a workspace. */
export interface Analytics {
  /** Throws MillraceError `unavailable` until the schema is in place and whenever ClickHouse is away. */
  stats(workspaceId: string, signal: AbortSignal): Promise<{ ratePerSecond: number; total: number }>;
  storeIsUp(signal: AbortSignal): Promise<boolean>;
  /** Throws as `stats` does, and `invalid_argument` naming the field. */
  auditEntries(request: ListAuditEntriesRequest, signal: AbortSignal): Promise<AuditPage>;
}

/** Makes the use cases over a store that may not be ready yet. */
export function createAnalyticsService(options: {
  questions: EventQuestions;
  audit: Pick<AuditTable, 'list'>;
  isReady: () => boolean;
}): Analytics {
  const { questions, audit } = options;
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
    storeIsUp: (signal) => questions.isUp(signal),
    async auditEntries(request, signal) {
      requireReady();
      return listEntries(audit, request, signal);
    },
  };
}

/** `millrace.analytics.v1.AnalyticsService`; methods that it lacks answer `unimplemented`. */
export function bindAnalytics(analytics: Analytics): GrpcServiceBinding {
  return bindService(AnalyticsService, {
    async getStats({ workspaceId }, { signal }) {
      const { ratePerSecond, total } = await analytics.stats(workspaceId, signal);
      return { ingestionRate: ratePerSecond, totalIngested: BigInt(total) };
    },
    async getStoreHealth(_, { signal }) {
      return { clickhouseUp: await analytics.storeIsUp(signal) };
    },
    listAuditEntries: (request, { signal }) => analytics.auditEntries(request, signal),
  });
}
