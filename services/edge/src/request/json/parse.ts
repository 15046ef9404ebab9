import { isUtf8 } from 'node:buffer';
import { RequestFailure } from '../../server/failure.ts';
import { countMembers, positionDeeperThan } from './depth.ts';
import { countNames, type Flaw, findFlaw, findHugeNumber, findRepeatedName } from './flaws.ts';
import { pathAt } from './place.ts';
import { type JsonText, unitsOf } from './scan.ts';
import { describeSyntaxError } from './syntax-error.ts';

/** Levels of objects and arrays that a body may nest. */
export const MAX_DEPTH = 32;

/** Bodies up to this size are parsed before their depth is known: no nesting of so few bytes costs much. */
const PARSE_FIRST_BYTES = 64 * 1024;

/** A parsed body and the text it was parsed from, of which parts are kept as they came. */
export interface ParsedJson extends JsonText {
  readonly value: unknown;
}

/**
 * Parses a request's body. Throws RequestFailure `malformed_json` for what is not UTF-8 or not JSON, and `invalid` for what is
 * refused although it is JSON: nesting beyond `MAX_DEPTH`, members named `__proto__`, members that an
 * object has twice, lone surrogates, NUL characters, and numbers beyond what a double holds.
 */
export function parseJson(body: Buffer): ParsedJson {
  if (body.length === 0) throw malformed('The request body is empty');
  if (!isUtf8(body)) throw malformed('The request body is not valid UTF-8');
  // Some editors and .NET clients lead with a byte order mark, which RFC 8259 lets a parser ignore.
  const start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  const text = body.toString('utf8', start);
  // Where every character is one byte the body has them already, a byte order mark apart.
  const isAscii = text.length === body.length - start;
  const units = isAscii ? body.subarray(start) : unitsOf(text);
  if (body.length > PARSE_FIRST_BYTES) refuseDepth(positionDeeperThan(units, MAX_DEPTH));
  const value = parseText(text);
  const members = countMembers(value, MAX_DEPTH);
  if (Number.isNaN(members)) refuseDepth(positionDeeperThan(units, MAX_DEPTH));
  // JSON.parse makes infinity of it, and ClickHouse reads nothing of a payload that has one.
  if (members === Number.POSITIVE_INFINITY) refuseFlaw(text, findHugeNumber(text));
  // Only escapes can spell what isn't allowed, besides the one name itself.
  if (text.includes('\\u') || text.includes('__proto__')) refuseFlaw(text, findFlaw(text));
  // Of members with one name JSON.parse keeps the last, and other readers of what is stored the first.
  if (countNames(units) !== members) refuseFlaw(text, findRepeatedName(text));
  return { value, text, units };
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(describeSyntaxError(error, text));
  }
}

function refuseDepth(position: number | undefined): void {
  if (position === undefined) return;
  const message = `JSON nested deeper than ${MAX_DEPTH} levels at position ${position}`;
  throw new RequestFailure({ kind: 'invalid', issues: [{ code: 'custom', path: [], message }] });
}

function refuseFlaw(text: string, flaw: Flaw | undefined): void {
  if (flaw === undefined) return;
  const message = `${flaw.message} at position ${flaw.position}`;
  const path = pathAt(text, flaw.position);
  throw new RequestFailure({ kind: 'invalid', issues: [{ code: 'custom', path, message }] });
}

function malformed(message: string): RequestFailure {
  return new RequestFailure({ kind: 'malformed_json', message });
}
