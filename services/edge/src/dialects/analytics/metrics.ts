import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { GetMetricsResponse } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { TimeRange } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { isoTime } from '@millrace/runtime';
import { z } from 'zod';
import type { ApiDeps } from '../../request/api.ts';
import { boundedText } from '../../request/json-types.ts';
import { readQuery } from '../../request/query-string.ts';
import { instant, jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import type { Failure } from '../../server/failure.ts';
import type { AccessRule, Route, RouteDocumentation } from '../../server/route.ts';
import { analyticsError, encodeAnalyticsFailure, errorDetails } from './encode.ts';

/** The document asks for no credential: whoever shows none sees the public workspace, where there is one. */
const METRICS_ACCESS: AccessRule = {
  places: ['apiKey', 'bearer'],
  anyOf: ['analytics:read', 'events:read'],
  anonymous: 'public-workspace',
};

const TIME_RANGES: Readonly<Record<string, TimeRange>> = {
  '15m': TimeRange.TIME_RANGE_15M,
  '1h': TimeRange.TIME_RANGE_1H,
  '24h': TimeRange.TIME_RANGE_24H,
  '7d': TimeRange.TIME_RANGE_7D,
};

/** Query of `GET /api/v1/analytics/metrics`; an unknown `timeRange` is the default, as documented clients expect. */
const metricsQuery = z.object({
  timeRange: z.string().describe('`15m`, `1h`, `24h` or `7d`; anything else is `1h`').optional(),
  eventType: boundedText(0, 255).describe('only this type').optional(),
  userId: boundedText(0, 128).describe('only users with this in their id, whatever its case').optional(),
});

/** `GET /api/v1/analytics/metrics`: the dashboard's figures. */
export function metricsRoute(deps: ApiDeps): Route {
  return {
    method: 'GET',
    path: '/api/v1/analytics/metrics',
    access: METRICS_ACCESS,
    documentation,
    async handle(exchange, { workspaceId }) {
      const {
        timeRange = '',
        eventType = '',
        userId: userIdPart = '',
      } = readQuery(exchange.query(), metricsQuery);
      const range = Object.hasOwn(TIME_RANGES, timeRange) ? TIME_RANGES[timeRange] : undefined;
      const asked = { workspaceId, timeRange: range ?? TimeRange.TIME_RANGE_1H, eventType, userIdPart };
      exchange.reply(encodeMetrics(await deps.questions.metrics(asked, exchange.signal)));
    },
    encodeFailure: encodeMetricsFailure,
  };
}

const count = z.int().min(0);
const metricsBody = z
  .strictObject({
    success: z.literal(true),
    data: z.strictObject({
      totalEvents: count,
      timeRange: z.strictObject({ start: instant(), end: instant() }),
      eventsByType: z.array(
        z.strictObject({ eventType: z.string(), count, percentage: z.number().min(0).max(100) }),
      ),
      topUsers: z.array(
        z.strictObject({
          userId: z.string(),
          eventCount: count,
          lastEventAt: instant(),
          eventTypes: z.array(z.string()),
        }),
      ),
      eventsOverTime: z.array(z.strictObject({ timestamp: instant(), count })),
      avgEventsPerUser: z.number().min(0),
      uniqueUsers: count,
      uniqueSessions: count,
    }),
  })
  .meta({ id: 'AnalyticsMetrics' });

function encodeMetrics(figures: GetMetricsResponse): Reply {
  const data = {
    totalEvents: Number(figures.totalEvents),
    timeRange: { start: timeText(figures.start), end: timeText(figures.end) },
    eventsByType: figures.eventsByType.map((type) => ({
      eventType: type.eventType,
      count: Number(type.count),
      percentage: round(type.percentage, 1),
    })),
    topUsers: figures.topUsers.map(({ userId, eventCount, lastEventAt, eventTypes }) => ({
      userId,
      eventCount: Number(eventCount),
      lastEventAt: timeText(lastEventAt),
      eventTypes,
    })),
    eventsOverTime: figures.eventsOverTime.map((bucket) => ({
      timestamp: timeText(bucket.start),
      count: Number(bucket.count),
    })),
    avgEventsPerUser: round(figures.avgEventsPerUser, 2),
    uniqueUsers: Number(figures.uniqueUsers),
    uniqueSessions: Number(figures.uniqueSessions),
  };
  const headers = ['x-cache', figures.fromCache ? 'HIT' : 'MISS'];
  return jsonReply(metricsBody, 200, { success: true, data }, headers);
}

function timeText(time: Timestamp | undefined): string {
  return isoTime(time) ?? '';
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

const FAILED = 'ANALYTICS_ERROR';
const metricsError = z
  .strictObject({
    success: z.literal(false),
    error: z.strictObject({
      code: z.union([analyticsError.shape.error.shape.code, z.literal(FAILED)]),
      message: z.string(),
      details: errorDetails,
    }),
  })
  .meta({ id: 'AnalyticsMetricsError' });

/** The API's failures, where the document has a code of its own for figures that can't be had. */
function encodeMetricsFailure(failure: Failure): Reply {
  if (failure.kind !== 'internal' && failure.kind !== 'unavailable') return encodeAnalyticsFailure(failure);
  const error = { code: FAILED, message: 'Failed to fetch analytics' } as const;
  const { status, headers } = encodeAnalyticsFailure(failure);
  return jsonReply(metricsError, status, { success: false, error }, headers);
}

const documentation: RouteDocumentation = {
  summary: 'Get comprehensive analytics metrics for the dashboard',
  description:
    'Of events by the time they arrived. A key or JWT sees its own workspace, everybody else that of `ANALYTICS_PUBLIC_WORKSPACE`. Answers are kept for 10 s; `X-Cache` tells.',
  tag: 'Analytics',
  query: metricsQuery,
  responses: {
    200: {
      description: 'The figures',
      schema: metricsBody,
      example: {
        success: true,
        data: {
          totalEvents: 15_000,
          timeRange: { start: '2024-01-29T12:00:00.000Z', end: '2024-01-30T12:00:00.000Z' },
          eventsByType: [{ eventType: 'page_view', count: 15_000, percentage: 100 }],
          topUsers: [
            {
              userId: 'user_abc123',
              eventCount: 150,
              lastEventAt: '2024-01-30T11:59:00.000Z',
              eventTypes: ['page_view'],
            },
          ],
          eventsOverTime: [{ timestamp: '2024-01-30T11:00:00.000Z', count: 15_000 }],
          avgEventsPerUser: 30.5,
          uniqueUsers: 500,
          uniqueSessions: 800,
        },
      },
    },
  },
  errors: metricsError,
  failures: [
    { kind: 'missing_credential', description: 'No credential, and no workspace is public' },
    { kind: 'forbidden', permission: 'analytics:read', description: 'Insufficient permissions' },
    { kind: 'unavailable', retryAfterSeconds: 1, description: 'The event store is away; see `Retry-After`' },
  ],
};
