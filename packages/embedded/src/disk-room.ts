import { readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

const mebibyte = 1024 ** 2;

/** The size that the stream EVENTS has where there is room for it. */
const usualBytes = 10 * 1024 ** 3;
/** Below this a burst of a few large requests would be refused. */
const leastBytes = 64 * mebibyte;
/** The stream DEAD_LETTERS is made a tenth as large as EVENTS. */
const withDeadLetters = 1.1;
/** Of what is there, the rest is for ClickHouse and whoever else writes to that disk. */
const share = 0.5;
/** For records, audit entries and the server's own files, also where the size was asked for. */
const reserveBytes = 32 * mebibyte;

/** What {@link sizeStream} looks at. */
export interface StreamSizing {
  /** Where the nats-server keeps its streams; must exist. */
  directory: string;
  /** `STREAM_MAX_BYTES` as the user set it. */
  asked: string | undefined;
  log: (line: string) => void;
}

/**
 * The `STREAM_MAX_BYTES` that the services are given: how many bytes the stream EVENTS may take. That is what was asked for,
 * or what suits the disk. Says so where that is less than usual, and throws one line with the numbers where it does
 * not fit.
 */
export function sizeStream({ directory, asked, log }: StreamSizing): string {
  const roomBytes = freeBytes(directory) + usedBytes(directory);
  const most = Math.floor((roomBytes - reserveBytes) / withDeadLetters);
  if (asked !== undefined && asked !== '') {
    // What is no number is the services' to refuse, together with every other setting that is wrong.
    if (Number(asked) > most) {
      throw new Error(
        `STREAM_MAX_BYTES=${asked} does not fit: ${directory} has room for ${inWords(roomBytes)}, ` +
          `with a tenth for dead letters that is ${Math.max(most, 0)} at most`,
      );
    }
    return asked;
  }
  const suitable = Math.floor((roomBytes * share) / withDeadLetters);
  if (suitable < leastBytes) {
    throw new Error(
      `${directory} has room for ${inWords(roomBytes)}, at least ${inWords((leastBytes * withDeadLetters) / share)} ` +
        'are needed: make room, choose another directory with --data, or set STREAM_MAX_BYTES',
    );
  }
  if (suitable >= usualBytes) return String(usualBytes);
  log(
    `the stream EVENTS may grow to ${inWords(suitable)} instead of ${inWords(usualBytes)}: ` +
      `${directory} has room for ${inWords(roomBytes)}; STREAM_MAX_BYTES sets another size`,
  );
  return String(suitable);
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** What the files below a directory hold: a stream's own messages are part of the room it has. */
function usedBytes(directory: string): number {
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    // Blocks, not lengths: files may have holes. A file may also be gone before we look at it.
    bytes += (statSync(join(directory, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
  }
  return bytes;
}

function inWords(bytes: number): string {
  return bytes >= 1024 * mebibyte
    ? `${(bytes / 1024 / mebibyte).toFixed(1)} GiB`
    : `${Math.round(bytes / mebibyte)} MiB`;
}
