/** Where buckets of local time begin, found with `Intl` and by walking: slow, and nothing is shared with what is tested. */

const QUARTER_MS = 15 * 60_000;
const HOUR_MS = 4 * QUARTER_MS;

/** Intervals by their names in questions. */
export type IntervalName = 'MINUTE' | 'FIVE_MINUTES' | 'QUARTER_HOUR' | 'HOUR' | 'DAY' | 'WEEK' | 'MONTH';

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();
const dayStarts = new Map<string, number>();

/** How far local clocks are ahead of UTC. Clocks change on quarters of an hour. */
function offsetMs(ms: number, zone: string): number {
  const quarter = Math.floor(ms / QUARTER_MS) * QUARTER_MS;
  const key = `${zone} ${quarter}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  let format = formats.get(zone);
  if (format === undefined) {
    const digits = '2-digit' as const;
    format = new Intl.DateTimeFormat('en', {
      ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric' },
      ...{ month: digits, day: digits, hour: digits, minute: digits },
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(
    format.formatToParts(quarter).map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts;
  const offset = Date.UTC(year, month - 1, day, hour, minute) - quarter;
  offsets.set(key, offset);
  return offset;
}

/** The local date as the UTC midnight of the same name. */
function dateOf(ms: number, zone: string): number {
  const local = ms + offsetMs(ms, zone);
  return local - (((local % (24 * HOUR_MS)) + 24 * HOUR_MS) % (24 * HOUR_MS));
}

/** The first moment of a local date, or of the next one that exists. */
function startOfDate(date: number, zone: string): number {
  const key = `${zone} ${date}`;
  const known = dayStarts.get(key);
  if (known !== undefined) return known;
  let at = date - 30 * HOUR_MS;
  while (dateOf(at, zone) < date) at += QUARTER_MS;
  dayStarts.set(key, at);
  return at;
}

/** Where the bucket of a moment begins. */
export function bucketStart(ms: number, interval: IntervalName, zone: string, isSundayFirst = false): number {
  const floor = (length: number) => Math.floor(ms / length) * length;
  const date = dateOf(ms, zone);
  switch (interval) {
    case 'MINUTE':
      return floor(60_000);
    case 'FIVE_MINUTES':
      return floor(5 * 60_000);
    case 'QUARTER_HOUR':
      return floor(QUARTER_MS);
    case 'HOUR': {
      const midnight = startOfDate(date, zone);
      return midnight + Math.floor((ms - midnight) / HOUR_MS) * HOUR_MS;
    }
    case 'DAY':
      return startOfDate(date, zone);
    case 'WEEK': {
      const weekday = new Date(date).getUTCDay();
      const sinceStart = isSundayFirst ? weekday : (weekday + 6) % 7;
      return startOfDate(date - sinceStart * 24 * HOUR_MS, zone);
    }
    case 'MONTH':
      return startOfDate(Date.UTC(new Date(date).getUTCFullYear(), new Date(date).getUTCMonth(), 1), zone);
  }
}

/** The buckets that a window touches, in order. */
export function bucketsOf(
  window: { fromMs: number; toMs: number },
  interval: IntervalName,
  zone: string,
  isSundayFirst = false,
): number[] {
  const step = interval === 'MINUTE' ? 60_000 : interval === 'FIVE_MINUTES' ? 300_000 : QUARTER_MS;
  const starts = new Set<number>();
  for (let at = window.fromMs; at < window.toMs; at = Math.floor(at / step) * step + step) {
    starts.add(bucketStart(at, interval, zone, isSundayFirst));
  }
  return [...starts];
}
