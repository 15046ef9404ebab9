import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime';
import type { AuditDelivery, AuditReader } from '@millrace/stores';
import { isStorable } from './list-entries.ts';
import type { AuditEntry, AuditTable } from './ports.ts';

/** What the writer tells of its work. */
export interface AuditMetrics {
  stored(entries: number): void;
  malformed(): void;
}

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 30_000;

/**
 * Moves entries from the stream into the table until it is closed. Entries leave the stream only when ClickHouse has
 * confirmed them; after a failure they are given back, and tried again after 0.2 s, doubling, to 30 s at most. Any
 * number of writers may run.
 */
export function startAuditWriter(options: {
  openReader: () => Promise<AuditReader>;
  table: Pick<AuditTable, 'insert'>;
  metrics: AuditMetrics;
  /** Between 0 and 1: keeps several writers from trying again all at once. */
  random: () => number;
  log: Logger;
}): { close(): Promise<void> } {
  const { table, metrics, random, log } = options;
  const closing = new AbortController();
  let reader: AuditReader | undefined;
  let failures = 0;

  const store = async (deliveries: readonly AuditDelivery[]): Promise<void> => {
    const storable: (AuditDelivery & { readonly entry: AuditEntry })[] = [];
    for (const delivery of deliveries) {
      const { entry, seq } = delivery;
      if (entry && isStorable(entry)) {
        storable.push({ ...delivery, entry });
        continue;
      }
      metrics.malformed();
      log.error({ seq }, 'audit entry is malformed and left out');
      delivery.discard();
    }
    if (storable.length === 0) return;
    await table.insert(storable.map(({ entry }) => entry));
    metrics.stored(storable.length);
    for (const delivery of storable) delivery.confirm();
  };

  const startOver = async (error: unknown): Promise<void> => {
    if (closing.signal.aborted) return;
    if (failures === 0) log.warn({ err: error }, 'audit entries can not be stored, trying again');
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** failures++, LONGEST_WAIT_MS) * (0.5 + random() / 2);
    // What the reader holds is another writer's to store while this one waits.
    await closeReader();
    await delay(waitMs, undefined, { signal: closing.signal }).catch(ignoreAbort);
  };

  const closeReader = async (): Promise<void> => {
    const closed = reader;
    reader = undefined;
    try {
      await closed?.close();
    } catch (error) {
      log.debug({ err: error }, 'audit entries could not be given back, they come again by themselves');
    }
  };

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        reader ??= await options.openReader();
        await store(await reader.take(closing.signal));
        if (failures > 0) log.info('audit entries are stored again');
        failures = 0;
      } catch (error) {
        await startOver(error);
      }
    }
    await closeReader();
  };
  const running = run();

  return {
    /** Finishes the batch under way. */
    async close() {
      closing.abort();
      await running;
    },
  };
}

function ignoreAbort(error: unknown): void {
  // A wait that is cut short is how the writer is closed.
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
