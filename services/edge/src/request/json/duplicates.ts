import type { Flaw } from './flaws.ts';
import { skipString, skipWhitespace } from './scan.ts';
import { type Units, unitsOf } from './units.ts';

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;

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
