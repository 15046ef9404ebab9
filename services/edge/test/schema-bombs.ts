/** A list of `count` things. */
export const many = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Two to the power of `levels` subschemas, in a few hundred bytes. */
export const bomb = (levels: number) => ({
  $ref: `#/$defs/d${levels}`,
  $defs: Object.fromEntries(
    many(levels + 1, (i) => [
      `d${i}`,
      i === 0 ? {} : { allOf: many(2, () => ({ $ref: `#/$defs/d${i - 1}` })) },
    ]),
  ),
});
