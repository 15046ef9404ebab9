/**
 * Generates JSON text for property tests, from a seed, so that a failure can be seen again. Objects have members of one name
 * now and then, unless `unique`.
 */
export function createJsonGenerator(seed: number, { unique = false } = {}): () => string {
  let state = seed;
  // mulberry32: small, and the same everywhere.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  const pick = (choices: readonly string[]): string => choices[below(choices.length)] ?? '';
  const repeat = (max: number, make: () => string, separator: string): string =>
    Array.from({ length: below(max + 1) }, make).join(separator);

  const space = () => pick(['', '', '', ' ', '\n', '\t', '\r\n  ']);
  const string = () => `"${repeat(6, () => pick(STRING_PARTS), '')}"`;
  const name = () => (below(2) === 0 ? pick(NAMES) : string());
  const scalar = () => (below(2) === 0 ? string() : pick(SCALARS));
  const member = (levels: number, names: Set<unknown>): string => {
    let literal = name();
    while (unique && names.has(JSON.parse(literal))) literal = `${literal.slice(0, -1)}${below(10)}"`;
    names.add(JSON.parse(literal));
    return `${space()}${literal}${space()}:${space()}${value(levels)}${space()}`;
  };
  const value = (levels: number): string => {
    if (levels === 0 || below(3) === 0) return scalar();
    if (below(2) === 0)
      return `[${space()}${repeat(4, () => `${space()}${value(levels - 1)}${space()}`, ',')}]`;
    const names = new Set<unknown>();
    return `{${space()}${repeat(5, () => member(levels - 1, names), ',')}}`;
  };
  return () => `${space()}${value(1 + below(5))}${space()}`;
}

const STRING_PARTS = [
  'a',
  '\\"',
  '\\\\',
  '\\n',
  '\\u0041',
  '\\ud83d\\ude00',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  'é',
  '漢',
  '😀',
  '/',
];

const NAMES = ['"payload"', '"pay\\u006coad"', '"metadata"', '"events"', '"payloa"', '"payload\\\\"'];

const SCALARS = [
  '0',
  '-0',
  '1.50',
  '12345678901234567890',
  '1e3',
  '-2.5E-10',
  'true',
  'false',
  'null',
  '""',
  '"\\\\"',
  '{}',
  '[]',
];
