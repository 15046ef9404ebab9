import { z } from 'zod';
import { boundedText, jsonObject, textList, wholeNumber } from '../../request/json-types.ts';
import { LATEST_MS } from '../../request/rfc3339.ts';

/** Events in a batch. */
export const MAX_BATCH_EVENTS = 100;

/** Milliseconds since 1970, as far as the event store's columns reach. */
const unixMs = () => wholeNumber(0, LATEST_MS);

/** An event of the e-mail API. The order of the fields is that of the issues in an answer. */
export const emailEvent = z.object({
  email_id: boundedText(1, 255),
  domain: boundedText(1, 255),
  labels: textList(100).default([]),
  event_time: unixMs().optional(),
  received_at: unixMs().optional(),
  metadata: jsonObject().optional(),
});

/** What a valid event holds. */
export type EmailEvent = z.infer<typeof emailEvent>;

/** A batch; what checks one checks its size first, so that nothing is done for events beyond it. */
export const emailBatch = z.array(emailEvent).max(MAX_BATCH_EVENTS);
