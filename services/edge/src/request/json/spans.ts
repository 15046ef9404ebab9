import type { JsonText, Units } from './scan.ts';
import { skipString, skipValue, skipWhitespace } from './scan.ts';

const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const CLOSE_BRACE = 125;
const COMMA = 44;
/** Characters of `\u0061`. */
const LONGEST_ESCAPE = 6;

/**
 * Finds where an object's wanted members lie, so that their text can be kept as it came, with every digit of its numbers.
 * The text must be valid JSON with the object's `{` at `objectStart`. The value of `names[k]` begins at `spans[2 * k]` and ends
 * before `spans[2 * k + 1]`; both are left alone when it is absent. Of members with one name the last counts, as in JSON.parse.
 * Returns the index after the object, so that a batch is read in one pass. The wanted names are not empty, and none has a
 * character that JSON must escape.
 */
export function findMembers(
  units: Units,
  objectStart: number,
  names: readonly string[],
  spans: number[],
): number {
  let i = skipWhitespace(units, objectStart + 1);
  if (units[i] === CLOSE_BRACE) return i + 1;
  for (;;) {
    const nameEnd = skipString(units, i);
    const valueStart = skipWhitespace(units, skipWhitespace(units, nameEnd) + 1);
    const valueEnd = skipValue(units, valueStart);
    for (let k = 0; k < names.length; k++) {
      if (spells(units, i, nameEnd, names[k] ?? '')) {
        spans[2 * k] = valueStart;
        spans[2 * k + 1] = valueEnd;
        break;
      }
    }
    i = skipWhitespace(units, valueEnd);
    if (units[i] !== COMMA) return i + 1;
    i = skipWhitespace(units, i + 1);
  }
}

/** The raw text of an object's member, or undefined; see `findMembers`. */
export function memberText(json: JsonText, objectStart: number, name: string): string | undefined {
  const found: (string | undefined)[] = [];
  readMembers(json, objectStart, [name], found);
  return found[0];
}

/** Where the value of an object's member begins, or undefined; see `findMembers`. */
export function memberStart(units: Units, objectStart: number, name: string): number | undefined {
  const spans: number[] = [];
  findMembers(units, objectStart, [name], spans);
  return spans[0];
}

/** Fills `found` with the raw text of `names`, and returns the index after the object; see `findMembers`. */
export function readMembers(
  { text, units }: JsonText,
  objectStart: number,
  names: readonly string[],
  found: (string | undefined)[],
): number {
  const spans: number[] = [];
  const objectEnd = findMembers(units, objectStart, names, spans);
  for (let k = 0; k < names.length; k++) {
    const start = spans[2 * k];
    if (start !== undefined) found[k] = text.slice(start, spans[2 * k + 1]);
  }
  return objectEnd;
}

/** Visits where each element of an array begins; `visit` returns the index after it. `[` of valid JSON is at `arrayStart`. */
export function forEachElement(units: Units, arrayStart: number, visit: (start: number) => number): void {
  let i = skipWhitespace(units, arrayStart + 1);
  if (units[i] === CLOSE_BRACKET) return;
  for (;;) {
    i = skipWhitespace(units, visit(i));
    if (units[i] !== COMMA) return;
    i = skipWhitespace(units, i + 1);
  }
}

/** Whether the string literal from `start` to `end` means `name`, be it with escapes. */
function spells(units: Units, start: number, end: number, name: string): boolean {
  const first = units[start + 1];
  if (first !== name.charCodeAt(0) && first !== BACKSLASH) return false;
  const length = end - start - 2;
  // An escape makes a literal longer than what it means, six times at most.
  if (length < name.length || length > name.length * LONGEST_ESCAPE) return false;
  if (length > name.length) return isEscapedName(units, start, end, name);
  for (let k = 0; k < length; k++) if (units[start + 1 + k] !== name.charCodeAt(k)) return false;
  return true;
}

function isEscapedName(units: Units, start: number, end: number, name: string): boolean {
  const literal = units.subarray(start, end);
  return literal.includes(BACKSLASH) && JSON.parse(String.fromCharCode(...literal)) === name;
}
