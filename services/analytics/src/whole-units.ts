/** Milliseconds since 1970: from `fromMs` on, before `toMs`. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The part of a span that consists of whole units, which a rollup by that unit can answer; the rest at its two edges is counted from
 * the rows. Empty, at the span's end, where no whole unit is inside.
 */
export function wholeUnits({ fromMs, toMs }: Span, unitMs: number): Span {
  const whole = { fromMs: Math.ceil(fromMs / unitMs) * unitMs, toMs: Math.floor(toMs / unitMs) * unitMs };
  return whole.fromMs < whole.toMs ? whole : { fromMs: toMs, toMs };
}
