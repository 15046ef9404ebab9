import { skipString, skipWhitespace, type Units, unitsOf } from './scan.ts';

/** What is refused in text that is JSON, and where. */
export interface Flaw {
  readonly message: string;
  readonly position: number;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;

/** Finds a lone surrogate, a NUL character or a member named `__proto__` in text that JSON.parse took. */
export function findFlaw(text: string): Flaw | undefined {
  const flaw = findBadEscape(text);
  if (flaw !== undefined) return flaw;
  // An escaped letter or underscore could spell the name, too.
  return text.includes('__proto__') || text.includes('\\u00') ? findPrototypeName(text) : undefined;
}

/** Text from valid UTF-8 holds lone surrogates, and valid JSON holds NUL, only as escapes. */
function findBadEscape(text: string): Flaw | undefined {
  let i = text.indexOf('\\');
  while (i !== -1) {
    const code = escapedUnit(text, i);
    let next = i + 2;
    if (code !== undefined) {
      next = i + 6;
      if (code === 0) return { message: 'NUL character (\\u0000) is not allowed', position: i };
      if (isHighSurrogate(code) && isLowSurrogate(escapedUnit(text, next))) next += 6;
      else if (code >= 0xd800 && code <= 0xdfff) {
        return { message: 'Lone surrogate is not allowed', position: i };
      }
    }
    i = text.indexOf('\\', next);
  }
  return undefined;
}

function findPrototypeName(text: string): Flaw | undefined {
  const units = unitsOf(text);
  let start = text.indexOf('"');
  while (start !== -1) {
    const end = skipString(units, start);
    if (units[skipWhitespace(units, end)] === COLON && spellsPrototype(text.slice(start, end))) {
      return { message: 'Member name "__proto__" is not allowed', position: start };
    }
    start = text.indexOf('"', end);
  }
  return undefined;
}

function spellsPrototype(literal: string): boolean {
  return literal === '"__proto__"' || (literal.includes('\\u') && JSON.parse(literal) === '__proto__');
}

/** The code unit of the `\uXXXX` at `position`; undefined where another escape or none stands. */
function escapedUnit(text: string, position: number): number | undefined {
  if (!text.startsWith('\\u', position)) return undefined;
  return Number.parseInt(text.slice(position + 2, position + 6), 16);
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLowSurrogate(code: number | undefined): boolean {
  return code !== undefined && code >= 0xdc00 && code <= 0xdfff;
}

/** How many members valid JSON text spells, those that a later one of the same name replaces included. */
export function countNames(units: Units): number {
  const { length } = units;
  let names = 0;
  for (let i = 0; i < length; i++) {
    const unit = units[i];
    if (unit === COLON) names++;
    else if (unit === QUOTE) {
      // As `skipString`, which costs more as a call than most strings are long.
      for (i++; i < length; i++) {
        const inside = units[i];
        if (inside === QUOTE) break;
        if (inside === BACKSLASH) i++;
      }
    }
  }
  return names;
}

/** The first name that its object had before, be it spelled with escapes. Slower: only for text that has one. */
export function findRepeatedName(text: string): Flaw | undefined {
  const units = unitsOf(text);
  const open: Set<string>[] = [];
  for (let i = 0; i < units.length; i++) {
    const char = text.charAt(i);
    if (char === '{' || char === '[') open.push(new Set());
    else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = skipString(units, i);
      if (units[skipWhitespace(units, end)] === COLON) {
        // A string literal parses to a string.
        const name = JSON.parse(text.slice(i, end)) as string;
        const names = open.at(-1);
        if (names?.has(name)) return { message: 'Member name is there twice in one object', position: i };
        names?.add(name);
      }
      i = end - 1;
    }
  }
  return undefined;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** The first number that no double holds. Slower: only for text that has one. */
export function findHugeNumber(text: string): Flaw | undefined {
  const units = unitsOf(text);
  for (let i = 0; i < units.length; i++) {
    if (units[i] === QUOTE) {
      i = skipString(units, i) - 1;
      continue;
    }
    NUMBER.lastIndex = i;
    const [number] = NUMBER.exec(text) ?? [];
    if (number === undefined) continue;
    if (!Number.isFinite(Number(number))) return { message: 'Number is too large', position: i };
    i += number.length - 1;
  }
  return undefined;
}
