import { z } from 'zod';
import { boundedText, jsonObject, timestamp, wholeNumber } from '../../request/json-types.ts';

/** Events in a batch. */
export const MAX_BATCH_EVENTS = 1000;

const EVENT_TYPE = {
  expression: /^[a-zA-Z][a-zA-Z0-9_.-]*$/,
  message: 'must start with a letter and hold only letters, digits, "_", "." and "-"',
};

/** An event of the analytics API. */
export const analyticsEvent = z.object({
  eventType: boundedText(1, 100, EVENT_TYPE),
  userId: boundedText(1, 128),
  sessionId: boundedText(1, 128),
  timestamp: timestamp(),
  metadata: jsonObject().optional(),
  payload: jsonObject().optional(),
  priority: wholeNumber(1, 10).default(1),
  eventId: boundedText(1, 128).optional(),
});

/** What a valid event holds. */
export type AnalyticsEvent = z.infer<typeof analyticsEvent>;

/** A batch; its events are checked one at a time, so that the first bad one ends the work. */
export const analyticsBatch = z.object({ events: z.array(analyticsEvent).min(1).max(MAX_BATCH_EVENTS) });
