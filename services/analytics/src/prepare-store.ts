import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, MillraceError } from '@millrace/runtime';
import type { ClickHouseClient } from '@millrace/stores';
import { migrate } from './migrations/migrate.ts';

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/**
 * Waits for ClickHouse, then brings its schema up to date.
 * Rejects when the server is too old or an applied migration was edited (`failed_precondition`), or the signal aborts.
 */
export async function prepareStore(options: {
  client: ClickHouseClient;
  database: string;
  cluster: string;
  signal: AbortSignal;
  log: Logger;
  /** Where the migrations are, if not where they belong. */
  directory?: URL;
}): Promise<void> {
  const { database, cluster, signal, log, ...rest } = options;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      const { applied, adopted } = await migrate({ ...rest, target: { database, cluster }, signal, log });
      log.info({ applied: applied.length, adopted: adopted.length }, 'schema is up to date');
      return;
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'unavailable') throw error;
      log.warn({ err: error, waitMs }, 'ClickHouse can not be prepared, trying again');
    }
    await delay(waitMs, undefined, { signal });
  }
}
