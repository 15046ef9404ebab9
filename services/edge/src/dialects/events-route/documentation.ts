import { z } from 'zod';
import type { RouteDocumentation } from '../../server/route.ts';
import { analyticsEvent } from '../analytics/decode.ts';
import { ANALYTICS_ERRORS } from '../analytics/documentation.ts';
import { workflowEvent } from '../workflow/decode.ts';

/** What `/openapi.json` says of the route. */
export const EVENTS_DOCUMENTATION: RouteDocumentation = {
  summary: 'Send an event',
  description:
    'Two published APIs meet here. `x-api-key` alone means the analytics API, `Authorization: Bearer` alone the workflow API; with ' +
    'both or neither the body decides: `eventType` means analytics, else `name` workflow. The workflow API answers errors as ' +
    '`{"success":false,"error":{"code":"validation_error","message","details":{"field","issue"}}}` with the codes ' +
    '`validation_error`, `unauthorized`, `forbidden`, `rate_limited`, `internal_error` and `unavailable`; the analytics API with ' +
    'the codes shown below. An `Idempotency-Key` header makes a retry of a workflow event safe; an `eventId` one of an ' +
    'analytics event.',
  tag: 'Events',
  requestBody: { 'application/json': z.union([analyticsEvent, workflowEvent]) },
  responses: {
    ...ANALYTICS_ERRORS,
    200: {
      description: 'Analytics: the event was stored before',
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
      description:
        'Stored. Analytics: `{"success":true,"data":{"eventId","accepted":true,"duplicate":false,"message"}}`. Workflow, also for ' +
        'a retry under the same key: as shown',
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
  },
};
