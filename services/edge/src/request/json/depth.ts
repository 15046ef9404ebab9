import { skipString } from './scan.ts';
import type { Units } from './units.ts';

/** Whether a parsed value nests more than `levels` objects and arrays. Quicker than a scan of its text. */
export function isValueDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (isValueDeeperThan(value[i], levels - 1)) return true;
    }
    return false;
  }
  // An object that JSON.parse made has no inherited members to leave out.
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) {
    const member = members[name];
    if (typeof member === 'object' && member !== null && isValueDeeperThan(member, levels - 1)) return true;
  }
  return false;
}

/** Where text first nests more than `levels` objects and arrays; the text need not be JSON. */
export function positionDeeperThan(units: Units, levels: number): number | undefined {
  let depth = 0;
  for (let i = 0; i < units.length; i++) {
    switch (units[i]) {
      case 34:
        i = skipString(units, i) - 1;
        break;
      case 91:
      case 123:
        if (++depth > levels) return i;
        break;
      case 93:
      case 125:
        depth--;
    }
  }
  return undefined;
}
