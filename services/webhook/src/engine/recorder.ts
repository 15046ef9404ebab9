import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime';
import type { AttemptRow } from '@millrace/stores';

/** Records attempts in the store, in batches. */
export interface Recorder {
  /** Resolves when the row is stored. Never rejects: while the store is away it waits. */
  record(row: AttemptRow): Promise<void>;
  /** Whether so much waits that no attempt should be begun. */
  readonly isFull: boolean;
  readonly waiting: number;
  /** Tries to store what waits until the signal aborts. */
  close(signal: AbortSignal): Promise<void>;
}

/** How long a row waits for company, in milliseconds: a process that is killed makes their attempts again. */
const GATHER_MS = 20;
const MAX_BATCH = 5_000;
const MAX_WAITING = 20_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const INSERT_TIMEOUT_MS = 15_000;
const RETRY_MS = 500;
const ROW_BYTES = 512;

/** Makes one that has nothing to do. */
export function createRecorder(options: {
  insert: (rows: readonly AttemptRow[], signal: AbortSignal) => Promise<void>;
  log: Logger;
}): Recorder {
  const { log } = options;
  const ending = new AbortController();
  const rows: { row: AttemptRow; stored: () => void }[] = [];
  let waiting = 0;
  let bytes = 0;
  let running: Promise<void> | undefined;

  const insert = async (batch: typeof rows): Promise<void> => {
    for (let isFirst = true; ; isFirst = false) {
      try {
        const signal = AbortSignal.any([AbortSignal.timeout(INSERT_TIMEOUT_MS), ending.signal]);
        return await options.insert(
          batch.map(({ row }) => row),
          signal,
        );
      } catch (error) {
        if (ending.signal.aborted) throw error;
        if (isFirst)
          log.warn({ err: error, rows: batch.length }, 'attempts can not be recorded, trying again');
        await delay(RETRY_MS);
      }
    }
  };
  const run = async (): Promise<void> => {
    await delay(GATHER_MS);
    while (rows.length > 0) {
      const batch = rows.splice(0, MAX_BATCH);
      await insert(batch);
      for (const { row, stored } of batch) {
        waiting--;
        bytes -= sizeOf(row);
        stored();
      }
    }
  };

  const start = (): void => {
    running ??= run()
      .catch((error: unknown) => log.error({ err: error, rows: waiting }, 'attempts were not recorded'))
      .finally(() => {
        running = undefined;
        if (rows.length > 0 && !ending.signal.aborted) start();
      });
  };

  return {
    record(row) {
      return new Promise((stored) => {
        rows.push({ row, stored });
        waiting++;
        bytes += sizeOf(row);
        start();
      });
    },
    get isFull() {
      return waiting >= MAX_WAITING || bytes >= MAX_WAITING_BYTES;
    },
    get waiting() {
      return waiting;
    },
    async close(signal) {
      const abort = () => ending.abort(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      await running;
      signal.removeEventListener('abort', abort);
    },
  };
}

function sizeOf({ response, error, payload }: AttemptRow): number {
  return ROW_BYTES + response.length + error.length + (payload?.length ?? 0);
}
