const QUOTE = 34;
const BACKSLASH = 92;

/** Index after the string literal that opens at `start`; the text's length when it never closes. */
export function skipString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    if (text.charCodeAt(end - 1) !== BACKSLASH || !isEscaped(text, end)) return end + 1;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** Index of the first character at or after `start` that is not JSON white space. */
export function skipWhitespace(text: string, start: number): number {
  let i = start;
  for (;;) {
    const code = text.charCodeAt(i);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return i;
    i++;
  }
}

/** Index after the value that starts at `start`, in text that JSON.parse took. */
export function skipValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return skipString(text, start);
  if (opens(first)) return skipNested(text, start);
  let i = start;
  while (i < text.length && !endsScalar(text.charCodeAt(i))) i++;
  return i;
}

function skipNested(text: string, start: number): number {
  let depth = 1;
  let i = start + 1;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = skipString(text, i);
      continue;
    }
    i++;
    if (opens(code)) depth++;
    else if (closes(code) && --depth === 0) return i;
  }
  return i;
}

/** An odd number of backslashes before a quote makes it part of the string. */
function isEscaped(text: string, quote: number): boolean {
  let i = quote - 1;
  while (text.charCodeAt(i) === BACKSLASH) i--;
  return (quote - i) % 2 === 0;
}

/** `{` and `[` differ in one bit, which no other character of JSON's structure shares with them. */
function opens(code: number): boolean {
  return (code | 32) === 123;
}

function closes(code: number): boolean {
  return (code | 32) === 125;
}

function endsScalar(code: number): boolean {
  return code === 44 || code <= 32 || closes(code);
}
