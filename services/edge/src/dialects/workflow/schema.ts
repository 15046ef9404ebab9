import { z } from 'zod';
import { boundedText, jsonObject } from '../../request/json-types.ts';

/** The longest event name, in UTF-16 units. */
export const MAX_NAME_CHARS = 255;

const NO_CONTROL_CHARACTERS = { expression: /^\P{Cc}*$/u, message: 'must not contain control characters' };

/** An event of the workflow API: a name, and data of the client's own. */
export const workflowEvent = z.object({
  name: boundedText(1, MAX_NAME_CHARS, NO_CONTROL_CHARACTERS),
  // The documented Go client sends null for a nil map.
  payload: jsonObject().nullish(),
});
