/** A stored event, as far as funnels, retention and paths look at it. */
export interface StepRow {
  readonly type: string;
  readonly user: string;
  readonly session: string;
  readonly plan: string | undefined;
  /** Milliseconds since 1970. */
  readonly t: number;
  readonly seq: number;
}

/** A step as a predicate. */
export type StepTest = (row: StepRow) => boolean;

/**
 * The length of an actor's furthest way through the steps, and its times: tries every way, event by event. Of those that get as far, the one
 * that is complete first counts; of those that are complete at the same event, the one whose steps are the latest, seen from its end.
 */
function furthestWay(
  rows: readonly StepRow[],
  steps: readonly StepTest[],
  withinMs: number,
  strict: boolean,
) {
  const maskOf = (row: StepRow) => steps.reduce((mask, test, k) => mask | (test(row) ? 1 << k : 0), 0);
  const events = rows
    .map((row) => ({ t: row.t, mask: maskOf(row), plan: row.plan ?? '' }))
    .filter(({ mask }) => strict || mask !== 0)
    .sort((a, b) => a.t - b.t || a.mask - b.mask || (planKey(a.plan) < planKey(b.plan) ? -1 : 1));
  let best: number[] = [];
  let bestEnd = -1;
  const go = (from: number, way: number[], first: number): void => {
    const end = from - 1;
    const isFurther = way.length > best.length;
    const isSooner = way.length === best.length && (end < bestEnd || (end === bestEnd && isLater(way, best)));
    if (way.length > 0 && (isFurther || isSooner)) {
      best = way;
      bestEnd = end;
    }
    if (way.length === steps.length) return;
    const last = strict && way.length > 0 ? Math.min(from + 1, events.length) : events.length;
    for (let i = from; i < last; i++) {
      const event = events[i];
      if (event === undefined || (event.mask & (1 << way.length)) === 0) continue;
      if (way.length > 0 && event.t - first > withinMs) return;
      go(i + 1, [...way, event.t], way.length === 0 ? event.t : first);
    }
  };
  go(0, [], 0);
  const plan = events.find(({ t, mask }) => t === best[0] && (mask & 1) === 1)?.plan;
  return { way: best, plan: plan === '' ? undefined : plan };
}

const planKey = (plan: string) => (plan === '' ? '' : `=${plan}`);

function isLater(way: readonly number[], other: readonly number[]): boolean {
  const at = way.findLastIndex((t, k) => t !== other[k]);
  return at !== -1 && (way[at] ?? 0) > (other[at] ?? 0);
}

/** A funnel's rows: value, step, count, conversion, from the step before, median and average seconds. */
export function bruteForceFunnel(
  rows: readonly StepRow[],
  options: { steps: readonly StepTest[]; withinMs: number; strict: boolean; byPlan: boolean },
) {
  const { steps, withinMs, strict, byPlan } = options;
  const ways = [
    ...Map.groupBy(
      rows.filter(({ user }) => user !== ''),
      ({ user }) => user,
    ).values(),
  ]
    .map((events) => furthestWay(events, steps, withinMs, strict))
    .filter(({ way }) => way.length > 0);
  const groups = byPlan ? Map.groupBy(ways, ({ plan }) => plan) : new Map([[undefined, ways]]);
  const series = [...groups]
    .map(([plan, some]) => ({ plan, some }))
    .sort((a, b) => b.some.length - a.some.length || (planKey(a.plan ?? '') < planKey(b.plan ?? '') ? -1 : 1))
    .slice(0, 10);
  return series.flatMap(({ plan, some }) =>
    steps.map((_, k) => {
      const reached = some.filter(({ way }) => way.length > k);
      const before = some.filter(({ way }) => way.length > k - 1).length;
      const seconds = k === 0 ? [] : reached.map(({ way }) => ((way[k] ?? 0) - (way[k - 1] ?? 0)) / 1_000);
      return {
        plan: plan ?? null,
        step: k + 1,
        count: reached.length,
        conversion: some.length === 0 ? null : reached.length / some.length,
        fromPrevious: k === 0 || before === 0 ? null : reached.length / before,
        medianSeconds: median(seconds),
        averageSeconds:
          seconds.length === 0 ? null : seconds.reduce((sum, one) => sum + one, 0) / seconds.length,
      };
    }),
  );
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

/** A retention's rows by days of UTC: cohort, size, period, count. */
export function bruteForceRetention(
  rows: readonly StepRow[],
  options: { start: StepTest; comeback: StepTest; firstTime: boolean; fromMs: number; toMs: number },
) {
  const DAY = 86_400_000;
  const days: number[] = [];
  for (let day = Math.floor(options.fromMs / DAY) * DAY; day < options.toMs; day += DAY) days.push(day);
  const users = Map.groupBy(
    rows.filter(({ user }) => user !== ''),
    ({ user }) => user,
  );
  const found: { cohort: number; size: number; period: number; count: number }[] = [];
  for (const [c, cohort] of days.entries()) {
    const members = [...users.values()].filter((events) => {
      const starts = events.filter(options.start).map(({ t }) => Math.floor(t / DAY) * DAY);
      return options.firstTime ? Math.min(...starts) === cohort : starts.includes(cohort);
    });
    if (members.length === 0) continue;
    for (let period = 0; period < days.length - c; period++) {
      const day = days[c + period];
      const count = members.filter((events) =>
        events.some((row) => options.comeback(row) && Math.floor(row.t / DAY) * DAY === day),
      ).length;
      found.push({ cohort, size: members.length, period, count });
    }
  }
  return found;
}

/** The paths of sessions: types and how often. */
export function bruteForcePaths(
  rows: readonly StepRow[],
  options: { length: number; pauseMs: number; startType: string; mergeRepeats: boolean; limit: number },
) {
  const counts = new Map<string, { path: string[]; count: number }>();
  for (const events of Map.groupBy(
    rows.filter(({ session }) => session !== ''),
    ({ session }) => session,
  ).values()) {
    const sorted = [...events].sort((a, b) => a.t - b.t || a.seq - b.seq);
    const pieces: StepRow[][] = [];
    for (const [i, row] of sorted.entries()) {
      const before = sorted[i - 1];
      if (before === undefined || row.t - before.t > options.pauseMs) pieces.push([]);
      pieces.at(-1)?.push(row);
    }
    for (const piece of pieces) {
      let types = piece.map(({ type }) => type);
      if (options.mergeRepeats) types = types.filter((type, i) => type !== types[i - 1]);
      if (options.startType !== '') {
        const at = types.indexOf(options.startType);
        if (at === -1) continue;
        types = types.slice(at);
      }
      const path = types.slice(0, options.length);
      const key = path.join('\n');
      counts.set(key, { path, count: (counts.get(key)?.count ?? 0) + 1 });
    }
  }
  const total = [...counts.values()].reduce((sum, { count }) => sum + count, 0);
  return [...counts.values()]
    .sort((a, b) => b.count - a.count || comparePaths(a.path, b.path))
    .slice(0, options.limit)
    .map(({ path, count }) => ({ path, count, share: count / total }));
}

function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    if (x === y) continue;
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    return x < y ? -1 : 1;
  }
  return 0;
}
