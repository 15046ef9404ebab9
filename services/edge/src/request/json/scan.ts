/** A text's characters as numbers: index and value are those of `charCodeAt`, which is several times slower. */
export type Units = Uint8Array | Uint16Array;

/** A text and its characters. */
export interface JsonText {
  readonly text: string;
  readonly units: Units;
}

/** A text with its characters, copied from it. */
export function toJsonText(text: string): JsonText {
  return { text, units: unitsOf(text) };
}

/** The characters of a text. */
export function unitsOf(text: string): Units {
  // A buffer of its own begins at an even address, as a view of two bytes each must.
  const bytes = Buffer.allocUnsafeSlow(text.length * 2);
  bytes.write(text, 'utf16le');
  return new Uint16Array(bytes.buffer, 0, text.length);
}

const QUOTE = 34;
const BACKSLASH = 92;

/** Index after the string literal that opens at `start`; the text's length when it never closes. */
export function skipString(units: Units, start: number): number {
  let i = start + 1;
  while (i < units.length) {
    const unit = units[i];
    if (unit === QUOTE) return i + 1;
    i += unit === BACKSLASH ? 2 : 1;
  }
  return units.length;
}

/** Index of the first character at or after `start` that is not JSON white space. */
export function skipWhitespace(units: Units, start: number): number {
  let i = start;
  for (;;) {
    const unit = units[i];
    if (unit !== 32 && unit !== 10 && unit !== 13 && unit !== 9) return i;
    i++;
  }
}

/** Index after the value that starts at `start`, in text that JSON.parse took. */
export function skipValue(units: Units, start: number): number {
  const first = units[start] ?? 0;
  if (first === QUOTE) return skipString(units, start);
  if (opens(first)) return skipNested(units, start);
  let i = start;
  while (i < units.length && !endsScalar(units[i] ?? 0)) i++;
  return i;
}

function skipNested(units: Units, start: number): number {
  let depth = 1;
  let i = start + 1;
  while (i < units.length) {
    const unit = units[i] ?? 0;
    if (unit === QUOTE) {
      i = skipString(units, i);
      continue;
    }
    i++;
    if (opens(unit)) depth++;
    else if (closes(unit) && --depth === 0) return i;
  }
  return i;
}

/** `{` and `[` differ in one bit, which no other character of JSON's structure shares with them. */
function opens(unit: number): boolean {
  return (unit | 32) === 123;
}

function closes(unit: number): boolean {
  return (unit | 32) === 125;
}

function endsScalar(unit: number): boolean {
  return unit === 44 || unit <= 32 || closes(unit);
}
