import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess, ProcessExit } from './child-process.ts';

const firstBackoffMs = 100;
const longestBackoffMs = 5_000;
// A process that ran this long before it ended starts again without the delay that earlier failures earned.
const stableAfterMs = 10_000;

/** What {@link supervise} needs. */
export interface SuperviseOptions<P extends ManagedProcess> {
  name: string;
  /** Starts the process on the same data and the same port each time; gives up when the signal aborts. */
  start: (signal: AbortSignal) => Promise<P>;
  /** Told of each unexpected end. */
  onExit?: (exit: ProcessExit) => void;
  /** Told of each successful restart. */
  onRestart?: (process: P) => void;
  log: (line: string) => void;
  /** Makes the first start give up. */
  signal?: AbortSignal;
}

/** A process that is started again whenever it ends unasked. */
export interface Supervised<P extends ManagedProcess = ManagedProcess> {
  readonly name: string;
  /** The process as it was last started; it may have ended while its successor is being started. */
  readonly current: P;
  /** Ends the supervision, then the process in its own clean way. */
  stop(): Promise<void>;
  /** Ends both at once. */
  kill(): Promise<void>;
}

/** Starts a process and keeps it running; rejects when the first start fails. */
export async function supervise<P extends ManagedProcess>(
  options: SuperviseOptions<P>,
): Promise<Supervised<P>> {
  const { name, start, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let current = await start(
    options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
  );

  const restart = async (firstDelayMs: number): Promise<P | undefined> => {
    for (let delayMs = firstDelayMs; ; delayMs = longer(delayMs)) {
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return undefined;
      try {
        return await start(signal);
      } catch (error) {
        if (signal.aborted) return undefined;
        log(`${name} did not start: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };

  const watch = async (): Promise<void> => {
    for (let backoffMs = firstBackoffMs; ; backoffMs = longer(backoffMs)) {
      const startedAt = performance.now();
      const exit = await current.exited;
      if (signal.aborted) return;
      options.onExit?.(exit);
      if (performance.now() - startedAt > stableAfterMs) backoffMs = firstBackoffMs;
      const next = await restart(backoffMs);
      if (next === undefined) return;
      current = next;
      if (signal.aborted) return void (await next.kill());
      const cause = exit.signal ?? `exit code ${exit.code}`;
      log(`${name} ended unexpectedly (${cause}) and was restarted, pid ${next.pid}`);
      options.onRestart?.(next);
    }
  };
  const watching = watch();

  const end = async (how: 'stop' | 'kill') => {
    stopping.abort();
    await current[how]();
    await watching;
  };
  return {
    name,
    get current() {
      return current;
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
  };
}

function longer(delayMs: number): number {
  return Math.min(delayMs * 2, longestBackoffMs);
}
