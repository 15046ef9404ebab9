import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type {
  GetMetricsRequest,
  GetMetricsResponseSchema,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Clock, fieldError } from '@millrace/runtime';
import type { DashboardQuestions, Selection } from './questions.ts';
import { bucketStarts, windowOf } from './window.ts';

const MAX_TYPE_CHARS = 255;
const MAX_USER_ID_CHARS = 128;

/** The figures of the window that ends now, without `fromCache`. */
export type DashboardFigures = Omit<
  MessageInitShape<typeof GetMetricsResponseSchema>,
  '$typeName' | 'fromCache'
>;

/**
 * Asks for a dashboard's figures, all at once. Throws MillraceError `invalid_argument` naming the field, and `unavailable`.
 * What is stored while the questions run may be in some of the figures and not in others.
 */
export async function readDashboard(
  questions: DashboardQuestions,
  request: GetMetricsRequest,
  clock: Clock,
  signal: AbortSignal,
): Promise<DashboardFigures> {
  const selection = selectionOf(request, clock.now());
  const { window } = selection;
  const { counts, users, userEvents, topUsers, sessions } = await questions.figures(selection, signal);
  const starts = bucketStarts(window);
  const total = starts.reduce((sum, at) => sum + (counts.byBucket.get(at) ?? 0), 0);
  return {
    totalEvents: BigInt(total),
    start: timestampFromMs(window.startMs),
    end: timestampFromMs(window.endMs),
    eventsByType: counts.byType.map(({ type, count }) => ({
      eventType: type,
      count: BigInt(count),
      percentage: (100 * count) / total,
    })),
    topUsers: topUsers.map((user) => ({
      userId: user.userId,
      eventCount: BigInt(user.events),
      lastEventAt: timestampFromMs(user.lastMs),
      eventTypes: [...user.types],
    })),
    eventsOverTime: starts.map((at) => ({
      start: timestampFromMs(at),
      count: BigInt(counts.byBucket.get(at) ?? 0),
    })),
    avgEventsPerUser: users === 0 ? 0 : userEvents / users,
    uniqueUsers: BigInt(users),
    uniqueSessions: BigInt(sessions),
  };
}

/** What a request selects. Throws MillraceError `invalid_argument` naming the field. */
function selectionOf(request: GetMetricsRequest, nowMs: number): Selection {
  const { workspaceId, eventType, userIdPart } = request;
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (eventType.length > MAX_TYPE_CHARS)
    throw fieldError('event_type', `at most ${MAX_TYPE_CHARS} characters`);
  if (userIdPart.length > MAX_USER_ID_CHARS) {
    throw fieldError('user_id_part', `at most ${MAX_USER_ID_CHARS} characters`);
  }
  return { workspaceId, window: windowOf(request.timeRange, nowMs), eventType, userIdPart };
}
