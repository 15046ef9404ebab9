import type { Units } from './scan.ts';
import { skipString } from './scan.ts';

/**
 * The members of all objects in a parsed value; NaN when it nests more than `levels` objects and arrays, Infinity when a number in it
 * is none.
 */
export function countMembers(value: unknown, levels: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (levels === 0) return Number.NaN;
  let count = 0;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const element: unknown = value[i];
      if (typeof element === 'object' && element !== null) count += countMembers(element, levels - 1);
      else if (isInfinite(element)) count = Number.POSITIVE_INFINITY;
      if (Number.isNaN(count)) return count;
    }
    return count;
  }
  // An object that JSON.parse made has no inherited members to leave out.
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) {
    const member = members[name];
    count++;
    if (typeof member === 'object' && member !== null) count += countMembers(member, levels - 1);
    else if (isInfinite(member)) count = Number.POSITIVE_INFINITY;
    if (Number.isNaN(count)) return count;
  }
  return count;
}

function isInfinite(value: unknown): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
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
