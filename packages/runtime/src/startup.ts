import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, MillraceError } from './errors.ts';
import type { Logger } from './logger.ts';

/** The time that a process has to start in; whatever it needs is waited for within it. */
export interface Startup {
  /** Aborted when the process is told to stop before it has started. */
  readonly signal: AbortSignal;
  /** What is left of the time, in milliseconds; 0 when it is over. */
  remainingMs(): number;
  /**
   * Attempts until it succeeds or the time is over; `attempt` must bear being repeated. What more time doesn't heal,
   * a wrong password or a mistake in the program, is thrown at once.
   */
  waitFor<T>(what: string, attempt: () => Promise<T>): Promise<T>;
  /** The process has started: from now on nothing is waited for. */
  end(): void;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2_000;

/** Failures that are the same at the next try. */
const FINAL_CODES: ReadonlySet<ErrorCode> = new Set([
  'failed_precondition',
  'invalid_argument',
  'permission_denied',
  'unauthenticated',
  'unimplemented',
]);

/** Begins the time. */
export function beginStartup(options: { budgetMs: number; signal: AbortSignal; log: Logger }): Startup {
  const { budgetMs, signal, log } = options;
  const deadline = performance.now() + budgetMs;
  let ended = false;
  const remainingMs = () => (ended ? 0 : Math.max(0, deadline - performance.now()));
  return {
    signal,
    remainingMs,
    end() {
      ended = true;
    },
    async waitFor(what, attempt) {
      let said = '';
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
        signal.throwIfAborted();
        try {
          const done = await endingWith(signal, attempt());
          if (said !== '') log.info({ what }, 'the wait is over');
          return done;
        } catch (error) {
          if (ended || signal.aborted || isFinal(error)) throw error;
          const reason = reasonOf(error);
          if (remainingMs() === 0) {
            const message = `${what}: not there within the ${budgetMs / 1_000} s of STARTUP_TIMEOUT_SECONDS: ${reason}`;
            throw new MillraceError('unavailable', message, { cause: error });
          }
          if (reason !== said) log.warn({ what, reason, remainingMs: Math.round(remainingMs()) }, 'waiting');
          said = reason;
        }
        await delay(Math.min(waitMs, remainingMs()), undefined, { signal });
      }
    },
  };
}

/** Attempts within a startup where there is one, and once where there is none, as in tests and after the start. */
export function waitWithin<T>(
  startup: Startup | undefined,
  what: string,
  attempt: () => Promise<T>,
): Promise<T> {
  return startup === undefined || startup.remainingMs() === 0 ? attempt() : startup.waitFor(what, attempt);
}

function isFinal(error: unknown): boolean {
  if (error instanceof MillraceError) return FINAL_CODES.has(error.code);
  // A library's errors are plain ones; these classes are a program's own mistakes.
  return (
    !(error instanceof Error) ||
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError ||
    error instanceof RangeError
  );
}

/** The words of an error and of what caused it, which together say what to do. */
function reasonOf(error: unknown): string {
  const words: string[] = [];
  for (let one = error; one instanceof Error && words.length < 4; one = one.cause) {
    if (one.message !== '' && words.at(-1) !== one.message) words.push(one.message);
  }
  return words.join(': ') || String(error);
}

function endingWith<T>(signal: AbortSignal, attempt: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const giveUp = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  return Promise.race([attempt, aborted.promise]).finally(() => signal.removeEventListener('abort', giveUp));
}
