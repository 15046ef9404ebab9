import { z } from 'zod';
import type { RouteDocumentation } from '../../server/route.ts';
import { analyticsEvent } from '../analytics/decode.ts';
import { ANALYTICS_FAILURES } from '../analytics/documentation.ts';
import {
  analyticsAccepted,
  analyticsDuplicate,
  analyticsError,
  encodeAnalyticsFailure,
} from '../analytics/encode.ts';
import { workflowEvent } from '../workflow/decode.ts';
import { encodeWorkflowFailure, workflowAccepted, workflowError } from '../workflow/encode.ts';

/** What `/openapi.json` says of the route. */
export const EVENTS_DOCUMENTATION: RouteDocumentation = {
  summary: 'Send an event',
  description:
    'Two published APIs meet here. `x-api-key` alone means the analytics API, `Authorization: Bearer` alone the workflow API; with ' +
    'both or neither the body decides: `eventType` means analytics, else `name` workflow. ' +
    'An `Idempotency-Key` header makes a retry of a workflow event safe; an `eventId` one of an ' +
    'analytics event.',
  tag: 'Events',
  requestBody: { 'application/json': z.union([analyticsEvent, workflowEvent]) },
  responses: {
    200: {
      description: 'Analytics: the event was stored before',
      schema: analyticsDuplicate,
      example: {
        success: true,
        data: {
          eventId: 'evt_abc123',
          accepted: false,
          duplicate: true,
          message: 'Event already processed (duplicate)',
        },
      },
    },
    202: {
      description: 'Stored; of the workflow API also a retry under the same key',
      schema: z.union([workflowAccepted, analyticsAccepted]),
      example: {
        success: true,
        message: 'Event received and queued for processing',
        event_id: '01234567-89ab-cdef-0123-456789abcdef',
        data: {
          event_id: '01234567-89ab-cdef-0123-456789abcdef',
          message: 'Event received and queued for processing',
        },
      },
    },
    409: {
      description:
        'Workflow: another body was accepted before under this `Idempotency-Key`; this one is not stored',
      schema: workflowError,
      example: JSON.parse(encodeWorkflowFailure({ kind: 'conflict', eventId: 'evt_1' }).body),
    },
  },
  errors: z.union([analyticsError, workflowError]),
  encoders: [encodeAnalyticsFailure, encodeWorkflowFailure],
  failures: [
    ...ANALYTICS_FAILURES,
    {
      kind: 'invalid',
      issues: [{ code: 'invalid_type', path: ['userId'], message: 'Required' }],
      description: 'Invalid event payload',
    },
  ],
};
