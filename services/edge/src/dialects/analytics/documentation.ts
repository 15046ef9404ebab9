import type { RouteDocumentation } from '../../server/route.ts';
import { analyticsBatch } from './decode.ts';

const failed = (code: string, message: string) => ({ success: false, error: { code, message } });

/** The answers that every route of the analytics API may give, with their codes. */
export const ANALYTICS_ERRORS = {
  400: {
    description: 'Invalid event payload',
    example: failed('VALIDATION_ERROR', 'Invalid event payload: userId is required'),
  },
  401: {
    description: '`MISSING_API_KEY`: API key header missing. `INVALID_API_KEY`: invalid or expired API key',
    example: failed('MISSING_API_KEY', 'x-api-key header is missing'),
  },
  403: {
    description: 'Insufficient permissions',
    example: failed('FORBIDDEN', 'Insufficient permissions: events:write is required'),
  },
  413: {
    description: 'The request body is too large',
    example: failed('PAYLOAD_TOO_LARGE', 'The request body is larger than 1048576 bytes'),
  },
  415: {
    description: 'The request body is not JSON in UTF-8',
    example: failed('UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json'),
  },
  429: {
    description: 'Too many requests; see `Retry-After`',
    example: failed('RATE_LIMITED', 'Too many requests'),
  },
  500: {
    description: 'Internal server error',
    example: failed('INGESTION_ERROR', 'Internal server error'),
  },
  503: {
    description: 'Events can not be stored at the moment; see `Retry-After`',
    example: failed('INGESTION_ERROR', 'Events can not be stored at the moment'),
  },
} satisfies RouteDocumentation['responses'];

/** What `/openapi.json` says of the batch route. */
export const BATCH_DOCUMENTATION: RouteDocumentation = {
  summary: 'Ingest up to 1000 events in a single request',
  description: 'One bad event fails the whole batch; the message names its index.',
  tag: 'Analytics',
  requestBody: { 'application/json': analyticsBatch },
  responses: {
    202: {
      description: 'Stored; `eventIds` are those of the accepted events, duplicates left out',
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
    ...ANALYTICS_ERRORS,
  },
};

/** What `/openapi.json` says of the statistics route. */
export const STATS_DOCUMENTATION: RouteDocumentation = {
  summary: 'Get real-time ingestion statistics',
  description: 'Of the workspace: events a second over the last 60 seconds, and events in all.',
  tag: 'Analytics',
  responses: {
    200: {
      description: 'The statistics',
      example: {
        success: true,
        data: { ingestionRate: 1250.5, totalIngested: 150000, timestamp: '2024-01-30T12:34:56Z' },
      },
    },
    401: ANALYTICS_ERRORS[401],
    403: ANALYTICS_ERRORS[403],
    429: ANALYTICS_ERRORS[429],
    500: ANALYTICS_ERRORS[500],
    503: ANALYTICS_ERRORS[503],
  },
};
