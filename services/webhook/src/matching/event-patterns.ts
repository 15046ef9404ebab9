import { fieldError } from '@millrace/runtime';

const MAX_PATTERNS = 50;
const MAX_CHARS = 255;
const EVERYTHING = '*';
const PREFIX_END = '.*';
const EXPECTED = 'must be an event type, `prefix.*` or `*`';

/**
 * Checks what an endpoint subscribes to: 1 to 50 patterns, each an event type, `prefix.*` for all types that begin with `prefix.`, or
 * `*`. Throws MillraceError `invalid_argument` naming the pattern, for example `events[3]`.
 */
export function checkEventPatterns(patterns: readonly string[], field = 'events'): void {
  if (patterns.length === 0 || patterns.length > MAX_PATTERNS)
    throw fieldError(field, `must have 1 to ${MAX_PATTERNS} patterns`);
  for (const [i, pattern] of patterns.entries()) {
    const issue = issueOf(pattern);
    if (issue !== undefined) throw fieldError(`${field}[${i}]`, issue);
  }
}

function issueOf(pattern: string): string | undefined {
  if (pattern.length === 0 || pattern.length > MAX_CHARS) return `must have 1 to ${MAX_CHARS} characters`;
  if (!/^\P{Cc}*$/u.test(pattern)) return 'must not contain control characters';
  if (!pattern.isWellFormed()) return 'must not contain half a surrogate pair';
  if (pattern === EVERYTHING) return undefined;
  const fixed = isPrefix(pattern) ? prefixOf(pattern) : pattern;
  return fixed.includes('*') || fixed === '.' ? EXPECTED : undefined;
}

/**
 * The fewest patterns that let the same types through. Of these a type meets one at most, so that whoever looks a type up in an
 * index finds each subscriber once.
 */
export function withoutCovered(patterns: readonly string[]): readonly string[] {
  if (patterns.includes(EVERYTHING)) return [EVERYTHING];
  if (patterns.length === 1) return patterns;
  const all = new Set(patterns);
  return [...all].filter((pattern) => {
    const type = isPrefix(pattern) ? prefixOf(pattern) : pattern;
    const wider = [...patternsOf(type)].filter((other) => other !== pattern && other !== type);
    return !wider.some((other) => all.has(other));
  });
}

/** Every pattern that lets a type through, each once. A prefix counts as a type that begins with itself. */
export function* patternsOf(type: string): Generator<string> {
  yield EVERYTHING;
  // No pattern of one type has a `*`: this would be that of a prefix again.
  if (!type.endsWith('*')) yield type;
  for (let dot = type.indexOf('.', 1); dot !== -1; dot = type.indexOf('.', dot + 1))
    yield `${type.slice(0, dot)}${PREFIX_END}`;
}

function isPrefix(pattern: string): boolean {
  return pattern.endsWith(PREFIX_END);
}

/** With its dot. */
function prefixOf(pattern: string): string {
  return pattern.slice(0, -1);
}
