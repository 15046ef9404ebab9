import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  AnalyticsService,
  type ListAuditEntriesRequestSchema,
  type ListAuditEntriesResponse,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { createGrpcClient, type GrpcClientOptions } from '@millrace/runtime';

/** What the edge asks the analytics service. */
export interface AnalyticsGateway extends EventStats, AuditEntries {
  /** Whether ClickHouse answers. */
  storeIsUp(signal: AbortSignal): Promise<boolean>;
}

const TIMEOUT_MS = 5_000;

/** Asks the analytics service over gRPC. */
export function analyticsOverGrpc(options: GrpcClientOptions): AnalyticsGateway & { close(): void } {
  const client = createGrpcClient(AnalyticsService, options);
  return {
    async read(workspaceId) {
      const stats = await client.methods.getStats({ workspaceId }, { timeoutMs: TIMEOUT_MS });
      return { ratePerSecond: stats.ingestionRate, total: Number(stats.totalIngested) };
    },
    async storeIsUp(signal) {
      const health = await client.methods.getStoreHealth({}, { timeoutMs: TIMEOUT_MS, signal });
      return health.clickhouseUp;
    },
    listAuditEntries: (request) => client.methods.listAuditEntries(request, { timeoutMs: TIMEOUT_MS }),
    close: () => client.close(),
  };
}

/** A workspace's stored events, as the analytics service counts them. */
export interface EventStats {
  /** Throws MillraceError `unavailable` while ClickHouse or the service is away. */
  read(workspaceId: string): Promise<{ ratePerSecond: number; total: number }>;
}

/** Reads the audit log. */
export interface AuditEntries {
  /** A page of a workspace's entries, newest first. Throws MillraceError `unavailable` while the store is away. */
  listAuditEntries(
    request: MessageInitShape<typeof ListAuditEntriesRequestSchema>,
  ): Promise<ListAuditEntriesResponse>;
}
