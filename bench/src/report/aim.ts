/** A figure to reach. */
export interface Aim {
  readonly of: string;
  readonly least: number;
}

/** Tells in one line whether a figure was reached; empty when there is none to reach. */
export function describeAim(aim: Aim | undefined, isReached: boolean | undefined): string {
  if (aim === undefined) return '';
  return `  aim: ${aim.of} of at least ${aim.least.toLocaleString('en')}: ${isReached ? 'reached' : 'NOT reached'}\n`;
}
