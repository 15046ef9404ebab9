import type { Logger } from '@millrace/runtime';
import type { AuthStore } from '../store/auth-store.ts';

/** Remembers when credentials were used and writes it behind, so that verifying costs no I/O. */
export interface LastUsed {
  mark(recordKey: string, nowMs: number): void;
  /** Writes what is due now. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Least time between two writes for one credential, in milliseconds. */
const WRITE_INTERVAL_MS = 60_000;
const FLUSH_INTERVAL_MS = 10_000;

/** Starts writing behind: at most once a minute for each credential, over all replicas. */
export function createLastUsed(options: { credentials: AuthStore['credentials']; log: Logger }): LastUsed {
  const { credentials, log } = options;
  let used = new Map<string, number>();
  let flushing: Promise<void> = Promise.resolve();

  const writeOne = async (recordKey: string, usedAtMs: number): Promise<void> => {
    const known = credentials.get(recordKey);
    if (known === undefined) return;
    const writtenAtMs = known.value.lastUsedAtMs;
    // The time is kept to the minute: a use within the minute that is written already says nothing new.
    if (writtenAtMs !== null && usedAtMs - writtenAtMs < WRITE_INTERVAL_MS) return;
    // On a conflict somebody else has changed the record; this time is not worth a second try.
    await credentials.update(recordKey, { ...known.value, lastUsedAtMs: usedAtMs }, known.revision);
  };

  const write = async (): Promise<void> => {
    if (credentials.staleSinceMs !== undefined) return;
    const due = used;
    used = new Map();
    for (const [recordKey, usedAtMs] of due) {
      try {
        await writeOne(recordKey, usedAtMs);
      } catch (error) {
        log.warn({ err: error }, 'the last use of a credential could not be written');
        return;
      }
    }
  };

  const flush = (): Promise<void> => {
    flushing = flushing.then(write);
    return flushing;
  };
  const timer = setInterval(() => void flush(), FLUSH_INTERVAL_MS).unref();
  return {
    mark: (recordKey, nowMs) => void used.set(recordKey, nowMs),
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
