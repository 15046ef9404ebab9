/** Which tests somebody asked for. */
export type Choice =
  | {
      readonly kind: 'chosen';
      readonly parts: readonly string[];
      /** A file runs when one of these is in its path; without any, all of them do. */
      readonly names: readonly string[];
    }
  | { readonly kind: 'unknown'; readonly problem: string };

/** Reads `[part…] [name…]`: a name narrows the parts before it, so there must be one. */
export function parseChoice(args: readonly string[], known: readonly string[]): Choice {
  const firstName = args.findIndex((arg) => !known.includes(arg));
  const parts = firstName === -1 ? args : args.slice(0, firstName);
  const names = firstName === -1 ? [] : args.slice(firstName);
  if (args.length === 0) return { kind: 'chosen', parts: known, names };
  if (parts.length === 0) {
    return { kind: 'unknown', problem: `unknown part: ${args[0]}; there are ${known.join(', ')}` };
  }
  const late = names.find((name) => known.includes(name));
  if (late !== undefined || names.includes('')) {
    return {
      kind: 'unknown',
      problem: late === undefined ? 'a name is empty' : `${late} is a part: parts come before names`,
    };
  }
  if (names.length > 0 && parts.includes('checks')) {
    return { kind: 'unknown', problem: 'checks has no test files to choose from' };
  }
  return { kind: 'chosen', parts, names };
}
