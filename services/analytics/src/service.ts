import { AnalyticsService } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { bindService, type GrpcServiceBinding, MillraceError } from '@millrace/runtime';
import type { EventQuestions } from './ports.ts';

const RATE_SECONDS = 60;

/** Answers about stored events. */
export interface Analytics {
  /** Throws MillraceError `unavailable` until the schema is in place and whenever ClickHouse is away. */
  stats(workspaceId: string, signal: AbortSignal): Promise<{ ratePerSecond: number; total: number }>;
  storeIsUp(signal: AbortSignal): Promise<boolean>;
}

/** Makes the use cases over a store that may not be ready yet. */
export function createAnalyticsService(options: {
  questions: EventQuestions;
  isReady: () => boolean;
}): Analytics {
  const { questions } = options;
  return {
    async stats(workspaceId, signal) {
      if (workspaceId === '') throw new MillraceError('invalid_argument', 'workspace_id: is required');
      if (!options.isReady()) throw new MillraceError('unavailable', 'the event store is not ready');
      const { total, lastMinute } = await questions.counts(workspaceId, signal);
      return { ratePerSecond: lastMinute / RATE_SECONDS, total };
    },
    storeIsUp: (signal) => questions.isUp(signal),
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
  });
}
