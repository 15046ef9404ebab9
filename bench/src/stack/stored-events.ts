import { setTimeout as sleep } from 'node:timers/promises';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import type { Connection } from '@millrace/embedded';

/** Looks into the ClickHouse of a stack. */
export interface StoredEvents {
  readonly client: ClickHouseClient;
  count(): Promise<number>;
  /** Messages of the stream that the stored events came in. */
  messages(): Promise<number>;
  /** Resolves when so many are stored; throws when that takes too long, when there are more or the signal aborts. */
  until(expected: number, options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
  /** Resolves when no merge runs, or when the time is over. */
  untilMerged(timeoutMs: number): Promise<void>;
  version(): Promise<string>;
  close(): Promise<void>;
}

/** Connects as the user that may read everything. */
export function openStoredEvents({ clickhouse }: Connection): StoredEvents {
  const client = createClient({ ...clickhouse, database: clickhouse.database, request_timeout: 60_000 });
  const ask = async (query: string): Promise<string> => {
    const answer = await client.query({ query, format: 'JSONCompactEachRow' });
    const [row] = await answer.json<readonly (string | number)[]>();
    return String(row?.[0] ?? '');
  };
  const count = async () => Number(await ask('SELECT count() FROM events'));
  return {
    client,
    count,
    messages: async () => Number(await ask('SELECT uniqExact(_shard, _seq) FROM events')),
    async until(expected, { timeoutMs, signal }) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        signal.throwIfAborted();
        const stored = await count();
        if (stored === expected) return;
        if (stored > expected) throw new Error(`${expected} events were accepted and ${stored} are stored`);
        if (performance.now() > deadline) {
          throw new Error(
            `${expected - stored} of ${expected} accepted events are not stored after ${timeoutMs} ms`,
          );
        }
        await sleep(100);
      }
    },
    async untilMerged(timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      while (performance.now() < deadline && (await ask('SELECT count() FROM system.merges')) !== '0') {
        await sleep(200);
      }
    },
    version: () => ask('SELECT version()'),
    close: () => client.close(),
  };
}
