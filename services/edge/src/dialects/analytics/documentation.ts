import { BATCH_BODY_LIMIT_BYTES } from '../../request/api.ts';
import type { DocumentedFailure, RouteDocumentation } from '../../server/route.ts';
import { analyticsBatch } from './decode.ts';
import { analyticsBatchAccepted, analyticsError, analyticsStats } from './encode.ts';

/** What failures mean on every route of the analytics API. */
export const ANALYTICS_FAILURES: readonly DocumentedFailure[] = [
  {
    kind: 'missing_credential',
    description: '`MISSING_API_KEY`: API key header missing. `INVALID_API_KEY`: invalid or expired API key',
  },
  { kind: 'forbidden', permission: 'events:write', description: 'Insufficient permissions' },
  {
    kind: 'unavailable',
    retryAfterSeconds: 1,
    description: 'Events can not be stored at the moment; see `Retry-After`',
  },
];

/** What `/openapi.json` says of the batch route. */
export const BATCH_DOCUMENTATION: RouteDocumentation = {
  summary: 'Ingest up to 1000 events in a single request',
  description: 'One bad event fails the whole batch; the message names its index.',
  tag: 'Analytics',
  requestBody: { 'application/json': analyticsBatch },
  responses: {
    202: {
      description: 'Stored; `eventIds` are those of the accepted events, duplicates left out',
      schema: analyticsBatchAccepted,
      example: {
        success: true,
        data: {
          accepted: 2,
          duplicates: 0,
          total: 2,
          eventIds: ['evt_1', 'evt_2'],
          message: 'Batch processed successfully',
        },
      },
    },
  },
  errors: analyticsError,
  failures: [
    ...ANALYTICS_FAILURES,
    {
      kind: 'invalid',
      issues: [{ code: 'invalid_type', path: ['events', 1, 'userId'], message: 'Required' }],
      description: 'Invalid event payload',
    },
    { kind: 'too_large', limitBytes: BATCH_BODY_LIMIT_BYTES },
  ],
};

/** What `/openapi.json` says of the statistics route. */
export const STATS_DOCUMENTATION: RouteDocumentation = {
  summary: 'Get real-time ingestion statistics',
  description: 'Of the workspace: events a second over the last 60 seconds, and events in all.',
  tag: 'Analytics',
  responses: {
    200: {
      description: 'The statistics',
      schema: analyticsStats,
      example: {
        success: true,
        data: { ingestionRate: 1250.5, totalIngested: 150000, timestamp: '2024-01-30T12:34:56Z' },
      },
    },
  },
  errors: analyticsError,
  failures: [
    { kind: 'forbidden', permission: 'analytics:read', description: 'Insufficient permissions' },
    { kind: 'unavailable', retryAfterSeconds: 1 },
  ],
};
