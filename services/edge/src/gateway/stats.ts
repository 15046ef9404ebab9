/** A workspace's stored events, as the analytics service counts them. */
export interface EventStats {
  /** Throws MillraceError `unavailable` while ClickHouse or the service is away. */
  read(workspaceId: string): Promise<{ ratePerSecond: number; total: number }>;
}
