/** A stored event, as far as the figures look at it. */
export interface EventRow {
  readonly workspaceId: string;
  readonly eventType: string;
  readonly userId: string;
  /** `sipHash64` of the user's id, as the table has it: it only breaks ties. */
  readonly userHash: bigint;
  readonly sessionId: string;
  /** Milliseconds since 1970. */
  readonly receivedMs: number;
}

/** What the dashboard is asked. */
export interface DashboardQuestion {
  readonly workspaceId: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly bucketMs: number;
  readonly eventType: string;
  readonly userIdPart: string;
}

/** The dashboard's figures, computed from the rows one by one. */
export function bruteForceDashboard(rows: readonly EventRow[], question: DashboardQuestion) {
  const { startMs, endMs, bucketMs, eventType, userIdPart } = question;
  const part = userIdPart.toLowerCase();
  const seen = rows.filter(
    (row) =>
      row.workspaceId === question.workspaceId &&
      row.receivedMs >= startMs &&
      row.receivedMs < endMs &&
      (eventType === '' || row.eventType === eventType) &&
      row.userId.toLowerCase().includes(part),
  );
  const withUser = seen.filter((row) => row.userId !== '');
  const users = Map.groupBy(withUser, (row) => row.userId);
  const buckets: { startMs: number; count: number }[] = [];
  for (let at = Math.floor(startMs / bucketMs) * bucketMs; at < endMs; at += bucketMs) {
    const inside = seen.filter((row) => row.receivedMs >= at && row.receivedMs < at + bucketMs);
    buckets.push({ startMs: at, count: inside.length });
  }
  return {
    totalEvents: seen.length,
    eventsByType: countedTypes(seen).map(({ type, count }) => ({
      eventType: type,
      count,
      percentage: (100 * count) / seen.length,
    })),
    topUsers: [...users]
      .map(([userId, events]) => ({ userId, events, userHash: events[0]?.userHash ?? 0n }))
      .sort((a, b) => b.events.length - a.events.length || (a.userHash < b.userHash ? -1 : 1))
      .slice(0, 10)
      .map(({ userId, events }) => ({
        userId,
        eventCount: events.length,
        lastMs: Math.max(...events.map((row) => row.receivedMs)),
        eventTypes: countedTypes(events).map(({ type }) => type),
      })),
    eventsOverTime: buckets,
    avgEventsPerUser: users.size === 0 ? 0 : withUser.length / users.size,
    uniqueUsers: users.size,
    uniqueSessions: new Set(seen.map((row) => row.sessionId).filter((id) => id !== '')).size,
  };
}

function countedTypes(rows: readonly EventRow[]): { type: string; count: number }[] {
  return [...Map.groupBy(rows, (row) => row.eventType)]
    .map(([type, some]) => ({ type, count: some.length }))
    .sort((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1));
}
