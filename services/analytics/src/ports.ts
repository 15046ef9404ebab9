/** Counts over a workspace's stored events. */
export interface StoredEventCounts {
  readonly total: number;
  /** Events received in the last minute. */
  readonly lastMinute: number;
}

/** The event store as it is asked. Every question throws MillraceError `unavailable` when no answer comes in time. */
export interface EventQuestions {
  counts(workspaceId: string, signal: AbortSignal): Promise<StoredEventCounts>;
  /** Whether the store answers. */
  isUp(signal: AbortSignal): Promise<boolean>;
}
