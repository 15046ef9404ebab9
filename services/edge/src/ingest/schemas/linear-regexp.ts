import { RE2JS } from 're2js';

/** A regular expression that takes time in proportion to the text, whatever both are. */
export interface LinearRegExp {
  test(text: string): boolean;
  /** Ajv tells patterns apart by it. */
  toString(): string;
  /** Instructions of the compiled program: the most that a character can cost, and a measure of its memory. */
  readonly size: number;
}

/** Compiles a pattern in the syntax that RE2 and ECMAScript share; throws when it isn't one, for example with a look-ahead. */
export function linearRegExp(pattern: string): LinearRegExp {
  const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
  return {
    test: (text) => compiled.test(text),
    toString: () => pattern,
    size: compiled.programSize(),
  };
}
