/** The middle of some values, and how far they spread. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One timed run of one side. */
export interface Round {
  /** Events, rows or requests a second. */
  readonly rate: number;
  /** Processor time of the measured process for each of them, in microseconds. */
  readonly cpuMicros: number;
  /** How much of one core the measured process used, 0 to 1 a core. */
  readonly busy: number;
}

/** Two sides that took turns. */
export interface Comparison<Ours extends Round, Raw extends Round> {
  readonly ours: readonly Ours[];
  readonly raw: readonly Raw[];
  /** Ours over raw, of the rounds that ran next to each other. */
  readonly ratio: Spread;
  /** Processor time of raw over ours: steadier than the ratio, and the same where a core is the limit. */
  readonly cpuRatio: Spread;
}

/** Lets two sides take turns, so that a machine that slows down slows both; every other pair runs in reverse. */
export async function compareInTurn<Ours extends Round, Raw extends Round>(options: {
  rounds: number;
  ours: (round: number) => Promise<Ours>;
  raw: (round: number) => Promise<Raw>;
}): Promise<Comparison<Ours, Raw>> {
  const ours: Ours[] = [];
  const raw: Raw[] = [];
  const pairs: { ours: Ours; raw: Raw }[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const rawFirst = round % 2 === 1 ? await options.raw(round) : undefined;
    const pair = { ours: await options.ours(round), raw: rawFirst ?? (await options.raw(round)) };
    ours.push(pair.ours);
    raw.push(pair.raw);
    pairs.push(pair);
  }
  return {
    ours,
    raw,
    ratio: spreadOf(pairs.map((pair) => pair.ours.rate / pair.raw.rate)),
    cpuRatio: spreadOf(pairs.map((pair) => pair.raw.cpuMicros / pair.ours.cpuMicros)),
  };
}

/** Sums values up. Throws when there are none. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.ceil((sorted.length - 1) / 2)];
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined || min === undefined || max === undefined) {
    throw new Error('nothing was measured');
  }
  return { median: (low + high) / 2, min, max };
}

/** A figure to reach. */
interface Aim {
  readonly of: string;
  readonly least: number;
}

/** Tells in one line whether a figure was reached; empty when there is none to reach. */
export function describeAim(aim: Aim | undefined, isReached: boolean | undefined): string {
  if (aim === undefined) return '';
  return `  aim: ${aim.of} of at least ${aim.least.toLocaleString('en')}: ${isReached ? 'reached' : 'NOT reached'}\n`;
}
