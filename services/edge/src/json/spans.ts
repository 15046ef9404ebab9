import { skipString, skipValue, skipWhitespace } from './scan.ts';

const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const CLOSE_BRACE = 125;
const COMMA = 44;

/**
 * Finds where an object's wanted members lie, so that their text can be kept as it came, with every digit of its numbers.
 * `text` must be valid JSON with the object's `{` at `objectStart`. The value of `names[k]` begins at `spans[2 * k]` and ends
 * before `spans[2 * k + 1]`; both are left alone when it is absent. Of members with one name the last counts, as in JSON.parse.
 * Returns the index after the object, so that a batch is read in one pass. The wanted names are not empty, and none has a
 * character that JSON must escape.
 */
export function findMembers(
  text: string,
  objectStart: number,
  names: readonly string[],
  spans: number[],
): number {
  let i = skipWhitespace(text, objectStart + 1);
  if (text.charCodeAt(i) === CLOSE_BRACE) return i + 1;
  for (;;) {
    const nameEnd = skipString(text, i);
    const valueStart = skipWhitespace(text, skipWhitespace(text, nameEnd) + 1);
    const valueEnd = skipValue(text, valueStart);
    for (let k = 0; k < names.length; k++) {
      if (spells(text, i, nameEnd, names[k] ?? '')) {
        spans[2 * k] = valueStart;
        spans[2 * k + 1] = valueEnd;
        break;
      }
    }
    i = skipWhitespace(text, valueEnd);
    if (text.charCodeAt(i) !== COMMA) return i + 1;
    i = skipWhitespace(text, i + 1);
  }
}

/** The raw text of an object's member, or undefined; see `findMembers`. */
export function memberText(text: string, objectStart: number, name: string): string | undefined {
  const found: (string | undefined)[] = [];
  readMembers(text, objectStart, [name], found);
  return found[0];
}

/** Where the value of an object's member begins, or undefined; see `findMembers`. */
export function memberStart(text: string, objectStart: number, name: string): number | undefined {
  const spans: number[] = [];
  findMembers(text, objectStart, [name], spans);
  return spans[0];
}

/** Fills `found` with the raw text of `names`, and returns the index after the object; see `findMembers`. */
export function readMembers(
  text: string,
  objectStart: number,
  names: readonly string[],
  found: (string | undefined)[],
): number {
  const spans: number[] = [];
  const objectEnd = findMembers(text, objectStart, names, spans);
  for (let k = 0; k < names.length; k++) {
    const start = spans[2 * k];
    if (start !== undefined) found[k] = text.slice(start, spans[2 * k + 1]);
  }
  return objectEnd;
}

/** Visits where each element of an array begins; `visit` returns the index after it. `[` of valid JSON is at `arrayStart`. */
export function forEachElement(text: string, arrayStart: number, visit: (start: number) => number): void {
  let i = skipWhitespace(text, arrayStart + 1);
  if (text.charCodeAt(i) === CLOSE_BRACKET) return;
  for (;;) {
    i = skipWhitespace(text, visit(i));
    if (text.charCodeAt(i) !== COMMA) return;
    i = skipWhitespace(text, i + 1);
  }
}

/** Where each element of the array begins; see `forEachElement`. */
export function elementStarts(text: string, arrayStart: number): number[] {
  const starts: number[] = [];
  forEachElement(text, arrayStart, (start) => {
    starts.push(start);
    return skipValue(text, start);
  });
  return starts;
}

/** Whether the string literal from `start` to `end` means `name`, be it with escapes. */
function spells(text: string, start: number, end: number, name: string): boolean {
  const first = text.charCodeAt(start + 1);
  if (first !== name.charCodeAt(0) && first !== BACKSLASH) return false;
  const length = end - start - 2;
  if (length === name.length) return text.startsWith(name, start + 1);
  // An escape makes a literal longer than what it means.
  if (length < name.length) return false;
  const literal = text.slice(start, end);
  return literal.includes('\\') && JSON.parse(literal) === name;
}
