/** JSON and what it says. */
export interface JsonDocument {
  readonly json: string;
  /** Undefined where there is no JSON at all. */
  readonly value: unknown;
}

/** Numbers that may be beyond a double, and halves of surrogate pairs, by the look of the text. */
const SUSPICIOUS = /[eE]\+?\d{3}|(?<!\d)\d{200}|\\u[dD][89a-fA-F]/;

/**
 * Reads JSON; undefined for what is none. So is JSON with a number that no double holds or with half a surrogate pair, wherever in it:
 * ClickHouse reads nothing of it either. Such events were stored before they were refused.
 */
export function readDocument(bytes: Buffer): JsonDocument | undefined {
  const json = bytes.toString('utf8');
  let value: unknown;
  try {
    value = json === '' ? undefined : JSON.parse(json);
  } catch {
    // Whoever needs to know is told that there is no document.
    return undefined;
  }
  return SUSPICIOUS.test(json) && !isSound(value) ? undefined : { json, value };
}

function isSound(document: unknown): boolean {
  const left = [document];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'number' && !Number.isFinite(value)) return false;
    if (typeof value === 'string' && !value.isWellFormed()) return false;
    if (typeof value !== 'object' || value === null) continue;
    for (const [name, member] of Object.entries(value)) {
      if (!name.isWellFormed()) return false;
      left.push(member);
    }
  }
  return true;
}

/** The value at a path of member names, and of indexes for lists; undefined where there is none. */
export function memberAt(value: unknown, keys: readonly (string | number)[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== 'object' || found === null) return undefined;
    if (Array.isArray(found) !== (typeof key === 'number') || !Object.hasOwn(found, key)) return undefined;
    found = Object.getOwnPropertyDescriptor(found, key)?.value;
  }
  return found;
}
