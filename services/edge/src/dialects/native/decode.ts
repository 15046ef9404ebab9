import type { DecodeContext } from '../../ingest/decode-context.ts';
import { invalid } from '../../request/issues.ts';
import { parseJson } from '../../request/json/parse.ts';
import type { JsonText } from '../../request/json/scan.ts';
import { skipValue, skipWhitespace } from '../../request/json/scan.ts';
import { forEachElement, readMembers } from '../../request/json/spans.ts';
import { fieldOf } from '../../request/problem/describe-failure.ts';
import { RequestFailure } from '../../server/failure.ts';
import { type CheckedEvent, checkNewEvent } from './new-event.ts';

/** Events in a request. */
export const MAX_EVENTS = 10_000;
/** Bytes in a line of NDJSON. */
export const MAX_LINE_BYTES = 256 * 1024;

const LINE_FEED = 10;
const OPEN_BRACE = 123;
const TEXT_MEMBERS = ['payload', 'metadata'];

/** Decodes a JSON array of events, or a single event. Throws RequestFailure when the body isn't one. */
export function decodeJson(body: Buffer, context: DecodeContext): CheckedEvent[] {
  const json = parseJson(body);
  const { value, units } = json;
  const start = skipWhitespace(units, 0);
  if (!Array.isArray(value)) {
    if (typeof value !== 'object' || value === null) throw refused('must be an event or an array of events');
    return [checkAt(value, json, start, context).checked];
  }
  if (value.length > MAX_EVENTS) throw tooMany();
  const events: CheckedEvent[] = [];
  forEachElement(units, start, (elementStart) => {
    const { checked, end } = checkAt(value[events.length], json, elementStart, context);
    events.push(checked);
    return end;
  });
  return nonEmpty(events);
}

/** Decodes NDJSON: an event a line, blank lines ignored. A line that isn't JSON is that line's fault alone. */
export function decodeLines(body: Buffer, context: DecodeContext): CheckedEvent[] {
  const events: CheckedEvent[] = [];
  let start = 0;
  while (start < body.length) {
    const feed = body.indexOf(LINE_FEED, start);
    const end = feed === -1 ? body.length : feed;
    const line = body.subarray(start, end);
    start = end + 1;
    if (isBlank(line)) continue;
    if (events.length === MAX_EVENTS) throw tooMany();
    events.push(checkLine(line, context));
  }
  return nonEmpty(events);
}

function checkAt(
  value: unknown,
  json: JsonText,
  start: number,
  context: DecodeContext,
): { checked: CheckedEvent; end: number } {
  if (json.units[start] !== OPEN_BRACE) {
    const error = { field: '', issue: 'must be a JSON object' };
    return { checked: { kind: 'invalid', id: '', error }, end: skipValue(json.units, start) };
  }
  const found: (string | undefined)[] = [undefined, undefined];
  const end = readMembers(json, start, TEXT_MEMBERS, found);
  return { checked: checkNewEvent(value, { payload: found[0], metadata: found[1] }, context), end };
}

function checkLine(line: Buffer, context: DecodeContext): CheckedEvent {
  if (line.length > MAX_LINE_BYTES) return badLine('', `a line has at most ${MAX_LINE_BYTES} bytes`);
  try {
    const json = parseJson(line);
    return checkAt(json.value, json, skipWhitespace(json.units, 0), context).checked;
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    const { failure } = error;
    // The parser speaks of a request's body; here that is a line.
    if (failure.kind === 'malformed_json')
      return badLine('', failure.message.replace('request body', 'line'));
    if (failure.kind === 'invalid') {
      return badLine(fieldOf(failure.issues[0].path), failure.issues[0].message);
    }
    throw error;
  }
}

function badLine(field: string, issue: string): CheckedEvent {
  return { kind: 'invalid', id: '', error: { field, issue } };
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  return true;
}

function nonEmpty(events: CheckedEvent[]): CheckedEvent[] {
  if (events.length === 0) throw refused('has no event');
  return events;
}

function tooMany(): RequestFailure {
  return refused(`has more than ${MAX_EVENTS} events`);
}

function refused(what: string): RequestFailure {
  return invalid([{ code: 'custom', path: [], message: `The body ${what}` }]);
}
