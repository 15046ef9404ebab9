const SECOND_MS = 1_000;
/** What JavaScript's dates can hold: who asks for more seconds has no time in mind. */
const MAX_SECONDS = 8.64e12;

const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)';
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The three forms of an HTTP date (RFC 9110, 5.6.7), all of which a recipient takes. Which weekday they name is left alone. */
const IMF_FIXDATE = new RegExp(`^[a-z]{3}, (\\d\\d) ([a-z]{3}) (\\d{4}) ${TIME} GMT$`, 'i');
const RFC_850 = new RegExp(`^[a-z]{6,9}, (\\d\\d)-([a-z]{3})-(\\d\\d) ${TIME} GMT$`, 'i');
const ASCTIME = new RegExp(`^[a-z]{3} ([a-z]{3}) ([\\d ]\\d) ${TIME} (\\d{4})$`, 'i');

/**
 * How long an answer asks to be left alone, in milliseconds from `nowMs`: its header `Retry-After`, which means that with 429 and
 * 503. 0 for a time that is over; undefined where nothing is asked, or nothing that can be read.
 */
export function retryAfterMs(status: number, header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || (status !== 429 && status !== 503)) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text), MAX_SECONDS) * SECOND_MS;
  const atMs = httpDateMs(text, nowMs);
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs);
}

function httpDateMs(text: string, nowMs: number): number | undefined {
  const imf = IMF_FIXDATE.exec(text);
  if (imf) return timeOf(Number(imf[3]), imf[2], imf[1], imf.slice(4));
  const rfc850 = RFC_850.exec(text);
  if (rfc850) {
    // Two digits that would be more than 50 years ahead are of the century before.
    const thisYear = new Date(nowMs).getUTCFullYear();
    const year = thisYear - (thisYear % 100) + Number(rfc850[3]);
    return timeOf(year > thisYear + 50 ? year - 100 : year, rfc850[2], rfc850[1], rfc850.slice(4));
  }
  const asctime = ASCTIME.exec(text);
  return asctime ? timeOf(Number(asctime[6]), asctime[1], asctime[2], asctime.slice(3, 6)) : undefined;
}

function timeOf(
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  time: readonly string[],
): number | undefined {
  const month = MONTHS.indexOf(monthName?.toLowerCase() ?? '');
  const day = Number(dayText);
  const [hour = 0, minute = 0, second = 0] = time.map(Number);
  const date = new Date(Date.UTC(year, month, day));
  // A day that its month doesn't have, and a year below 100, come out as another.
  const exists = month >= 0 && date.getUTCDate() === day && date.getUTCFullYear() === year;
  if (!exists || hour > 23 || minute > 59 || second > 60) return undefined;
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * SECOND_MS;
}
