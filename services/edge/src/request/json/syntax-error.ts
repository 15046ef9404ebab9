import { type JsonText, skipString, toJsonText } from './scan.ts';

const PLAIN = 'The request body is not valid JSON';

/** What JSON.parse objects to and where, without the part of the text that V8's own message repeats. */
export function describeSyntaxError(error: unknown, text: string): string {
  const words = error instanceof SyntaxError ? error.message : '';
  if (words.startsWith('Unexpected end')) return `${PLAIN}: unexpected end`;
  const known = /^(.{1,80}?) (?:in|after) JSON at position (\d+)/su.exec(words);
  if (known) return `${PLAIN}: ${lowerFirst(known[1] ?? '')} at position ${known[2]}`;
  if (words.startsWith('Unexpected token')) {
    return `${PLAIN}: unexpected character at position ${unexpectedPosition(text)}`;
  }
  return PLAIN;
}

const NUMBER = /-?[0-9][-+.0-9eE]*/y;
const LITERAL = /true|false|null/y;

/**
 * The position that V8 leaves out of its message when it meets a token where only a value may stand. Everything before it is
 * well-formed, so it is enough to know where a value is due.
 */
function unexpectedPosition(text: string): number {
  const json = toJsonText(text);
  let valueDue = true;
  let mayClose = false;
  let i = 0;
  while (i < text.length) {
    const char = text.charAt(i);
    if (' \n\r\t'.includes(char)) {
      i++;
      continue;
    }
    const isSeparator = char === ',' || char === ':';
    const isCloser = char === ']' || char === '}';
    if (valueDue && (isSeparator || (isCloser && !mayClose))) return i;
    const end = tokenEnd(json, i);
    if (end === undefined) return i;
    i = end;
    mayClose = char === '[';
    valueDue = isSeparator || mayClose;
  }
  return i;
}

function tokenEnd({ text, units }: JsonText, start: number): number | undefined {
  const char = text.charAt(start);
  if (char === '"') return skipString(units, start);
  if ('{}[],:'.includes(char)) return start + 1;
  for (const pattern of [NUMBER, LITERAL]) {
    pattern.lastIndex = start;
    if (pattern.test(text)) return pattern.lastIndex;
  }
  return undefined;
}

function lowerFirst(words: string): string {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
