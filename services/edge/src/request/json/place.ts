import { type JsonText, skipString, skipValue, skipWhitespace, toJsonText } from './scan.ts';

/** Characters of a member's name that a message repeats. */
const MAX_NAME_CHARS = 64;

const OPEN_BRACE = 123;
const OPEN_BRACKET = 91;
const COMMA = 44;

/**
 * Names and indices that lead to a position in valid JSON text. The position of a member's name leads to that member.
 * Read only for an error's message: it is not quick.
 */
export function pathAt(text: string, position: number): (string | number)[] {
  const path: (string | number)[] = [];
  const json = toJsonText(text);
  let start = skipWhitespace(json.units, 0);
  for (;;) {
    const step = stepTowards(json, start, position);
    if (step === undefined) return path;
    path.push(step.key);
    if (position < step.valueStart) return path;
    start = step.valueStart;
  }
}

/** The member or element, of the value at `start`, in which the position lies. */
function stepTowards(
  { text, units }: JsonText,
  start: number,
  position: number,
): { key: string | number; valueStart: number } | undefined {
  const isObject = units[start] === OPEN_BRACE;
  if (!isObject && units[start] !== OPEN_BRACKET) return undefined;
  let i = skipWhitespace(units, start + 1);
  for (let index = 0; i <= position; index++) {
    let key: string | number = index;
    let valueStart = i;
    if (isObject) {
      const nameEnd = skipString(units, i);
      key = readName(text.slice(i, nameEnd));
      valueStart = skipWhitespace(units, skipWhitespace(units, nameEnd) + 1);
    }
    const end = skipValue(units, valueStart);
    if (position < end) return { key, valueStart };
    i = skipWhitespace(units, end);
    if (units[i] !== COMMA) return undefined;
    i = skipWhitespace(units, i + 1);
  }
  return undefined;
}

function readName(literal: string): string {
  // A string literal parses to a string.
  const name = JSON.parse(literal) as string;
  return name.slice(0, MAX_NAME_CHARS).toWellFormed().replaceAll('\0', '\uFFFD');
}
