/** Bits that the steps of an event take in a packed one: as many steps as a funnel may have. */
const MASK_BITS = 10;
/** No time. */
const NEVER = 'toInt64(-9223372036854775808)';

/** A time and the steps that its event meets in one number, which sorts as fast as numbers do: by time, then by the steps. */
export function packed(ms: string, mask: string): string {
  return `${ms} * ${2 ** MASK_BITS} + (${mask})`;
}

/**
 * A SELECT of `way`, the times of the furthest way of each actor, and `value`, that of its first event where the funnel is divided.
 *
 * Of every step k two arrays run beside an actor's events in order: `start_k`, when the way that reaches the step and began last has
 * begun, and `place_k`, at which event it reaches it. No other way can get further within the conversion window. A way goes on from
 * where it was before the event, so that one event is never two of its steps. The first way that reaches the furthest step counts. Each
 * array is made in one pass from the one before it; a loop over the events, as arrayFold is, took minutes for an actor with many.
 */
export function furthestWays(options: {
  /** SELECT of `actor`, `event` (packed) and, where divided, `value`, a text. */
  events: string;
  steps: number;
  isStrict: boolean;
  /** A placeholder. */
  windowMs: string;
  isDivided: boolean;
}): string {
  const { events, steps, isStrict, windowMs, isDivided } = options;
  const numbers = Array.from({ length: steps }, (_, i) => i + 1);
  const later = numbers.slice(1);
  /** What holds until the next time, unless the order is strict. */
  const kept = (isSomething: string, array: string) =>
    isStrict ? array : `arrayFill(x -> ${isSomething}, ${array})`;
  const reachOf = (k: number): string[][] => [
    [`arrayPushFront(arrayPopBack(start_${k - 1}), ${NEVER}) AS before_${k}`],
    [
      `arrayMap((start, t, mask) -> bitTest(mask, ${k - 1}) AND start != ${NEVER} AND t - start <= ${windowMs}, before_${k}, times, masks) AS reach_${k}`,
    ],
    [
      `${kept(`x != ${NEVER}`, `arrayMap((start, reaches) -> if(reaches, start, ${NEVER}), before_${k}, reach_${k})`)} AS start_${k}`,
      `${kept('x > 0', `arrayMap((i, reaches) -> if(reaches, i, 0), arrayEnumerate(times), reach_${k})`)} AS place_${k}`,
    ],
  ];
  const stages: string[][] = [
    ['arraySort(packed_events) AS sorted'],
    [
      `arrayMap(event -> bitShiftRight(event, ${MASK_BITS}), sorted) AS times`,
      `arrayMap(event -> bitAnd(event, ${2 ** MASK_BITS - 1}), sorted) AS masks`,
    ],
    [
      `${kept(`x != ${NEVER}`, `arrayMap((t, mask) -> if(bitTest(mask, 0), t, ${NEVER}), times, masks)`)} AS start_1`,
      `${kept('x > 0', 'arrayMap((i, mask) -> if(bitTest(mask, 0), i, 0), arrayEnumerate(times), masks)')} AS place_1`,
    ],
    ...later.flatMap(reachOf),
    [`[${numbers.map((k) => `arrayFirstIndex(i -> i > 0, place_${k})`).join(', ')}] AS firsts_reached`],
    ['arrayLastIndex(i -> i > 0, firsts_reached) AS level'],
    [`firsts_reached[${steps}] * (level = ${steps}) AS at_${steps}`],
    // From the furthest step back: each step is where the way was before the next one. Without a condition, for which ClickHouse
    // would put all the arrays off and make each of them again wherever it is named.
    ...numbers
      .slice(0, -1)
      .reverse()
      .map((k) => [
        `toUInt64(firsts_reached[${k}] * (level = ${k}) + place_${k}[toInt64(at_${k + 1}) - 1] * (level > ${k})) AS at_${k}`,
      ]),
    [`arraySlice([${numbers.map((k) => `times[at_${k}]`).join(', ')}], 1, level) AS way`],
    [
      isDivided
        ? `arrayMin(arrayFilter(first -> bitShiftRight(first.1, ${MASK_BITS}) = way[1], firsts)).2 AS value`
        : "'' AS value",
    ],
  ];
  // Whoever lacks the first step or the second gets no further than the first, and is spared the arrays.
  const byActor = `SELECT bitAnd(groupBitOr(bitAnd(event, ${2 ** MASK_BITS - 1})), 3) = 3 AS has_two_steps,
    if(has_two_steps, groupArray(event), [minIf(event, bitTest(event, 0))]) AS packed_events${isDivided ? ',\n    groupArrayIf((event, value), bitTest(event, 0)) AS firsts' : ''}
FROM
(
${events}
)
GROUP BY actor
HAVING bitTest(groupBitOr(event), 0)`;
  const computed = stages.reduce(
    (inner, columns) => `SELECT *, ${columns.join(', ')} FROM (\n${inner}\n)`,
    byActor,
  );
  return `SELECT way, value FROM (\n${computed}\n)`;
}
