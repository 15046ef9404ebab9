import { z } from 'zod';
import { invalid, toIssues } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import { skipWhitespace } from '../../request/json/scan.ts';
import { memberText } from '../../request/json/spans.ts';
import { boundedText, jsonObject } from '../../request/json-types.ts';

/** The documented body; unknown fields are dropped. */
export const externalEventBody = z
  .object({
    type: boundedText(1, 255)
      .regex(/^\P{Cc}*$/u, 'must not contain control characters')
      .describe('The type of event'),
    payload: jsonObject().describe('The event payload, stored byte for byte'),
  })
  .meta({
    id: 'ExternalEvent',
    examples: [{ type: 'event_type', payload: { key1: 'value1', key2: 'value2' } }],
  });

/** What a body says. */
export interface DecodedExternalEvent {
  readonly type: string;
  /** JSON text, as it came. */
  readonly payload: string;
  /** The whole body. */
  readonly text: string;
}

/** Decodes the body; throws RequestFailure `malformed_json` or `invalid`. */
export function decodeExternalEvent(body: Buffer): DecodedExternalEvent {
  const json = parseJson(body);
  const { value, text } = json;
  const parsed = externalEventBody.safeParse(value);
  if (!parsed.success) throw invalid(toIssues(parsed.error, value));
  const payload = memberText(json, skipWhitespace(json.units, 0), 'payload') ?? '{}';
  return { type: parsed.data.type, payload, text };
}
