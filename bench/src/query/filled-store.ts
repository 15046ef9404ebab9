import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { migrate } from '@millrace/analytics';
import { loadSecrets, pickFreePort, startClickHouse } from '@millrace/embedded';
import { createLogger } from '@millrace/runtime';

/** A ClickHouse with events in it. */
export interface FilledStore {
  readonly client: ClickHouseClient;
  /** When the newest event was received, in milliseconds since 1970: windows end there. */
  readonly endMs: number;
  readonly rows: number;
  /** Parts of the table once merges have come to rest. */
  readonly parts: number;
  /** Kills it and starts it again. */
  restart(): Promise<void>;
  /** Removes nothing. */
  stop(): Promise<void>;
}

const DATABASE = 'millrace';
const SHAPE = { days: 30, workspaces: 20, users: 200_000 };
/** Within what the writer inserts at once under load. */
const ROWS_PER_INSERT = 100_000;
const INSERT_TIMEOUT_MS = 300_000;
const MERGE_TIMEOUT_MS = 900_000;
const LOOK_MS = 1_000;

const fillSql = readFileSync(new URL('sql/fill.sql', import.meta.url), 'utf8');

/**
 * Starts a ClickHouse in a directory that is kept, fills it up to so many rows in inserts such as the writer makes, and resolves when
 * merges have come to rest. What an earlier run has stored stays; one that was interrupted is gone on with.
 */
export async function openFilledStore(options: {
  dataDir: string;
  rows: number;
  progress: (line: string) => void;
  signal: AbortSignal;
}): Promise<FilledStore> {
  const { dataDir, rows, progress, signal } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const { clickHousePassword: application, inspectorPassword: inspector } = loadSecrets(dataDir);
  const port = await pickFreePort();
  const start = () => startClickHouse({ dataDir, passwords: { application, inspector }, port });
  let server = await start();
  const login = { url: server.url, username: 'millrace', password: application };
  const client = createClient({ ...login, database: DATABASE, request_timeout: INSERT_TIMEOUT_MS });
  const restart = async () => {
    await server.kill();
    server = await start();
  };
  const stop = async () => {
    await client.close();
    await server.stop();
  };
  try {
    await bringUpToDate(login, signal);
    const { endMs } = readPlan(dataDir, rows);
    await fill({ client, rows, endMs, progress, signal });
    const parts = await untilMerged(client, progress, signal);
    return { client, endMs, rows, parts, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function bringUpToDate(
  login: { url: string; username: string; password: string },
  signal: AbortSignal,
): Promise<void> {
  const client = createClient({ ...login, database: 'default' });
  const log = createLogger({ service: 'bench', level: 'warn' });
  try {
    await migrate({ client, target: { database: DATABASE, cluster: '' }, log, signal });
  } finally {
    await client.close();
  }
}

/** What a directory is filled with, decided when it is first used. */
function readPlan(dataDir: string, rows: number): { endMs: number } {
  const file = join(dataDir, 'bench.json');
  if (!existsSync(file)) writeFileSync(file, JSON.stringify({ rows, endMs: Date.now() }));
  const plan: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const { rows: planned, endMs } = plan as { rows: number; endMs: number };
  if (planned === rows) return { endMs };
  throw new Error(`${dataDir} is for ${planned} rows: remove it, or name another with --data`);
}

async function fill(options: {
  client: ClickHouseClient;
  rows: number;
  endMs: number;
  progress: (line: string) => void;
  signal: AbortSignal;
}): Promise<void> {
  const { client, rows, endMs, progress, signal } = options;
  const [found] = await select<{ n: string }>(client, 'SELECT max(_seq) AS n FROM events');
  const first = Number(found?.n ?? 0);
  const startedAt = performance.now();
  for (let from = first; from < rows; from += ROWS_PER_INSERT) {
    signal.throwIfAborted();
    const middleMs = endMs - (rows - from) * ((SHAPE.days * 86_400_000) / rows);
    const month = new Date(middleMs);
    await client.command({
      query: fillSql,
      query_params: {
        ...SHAPE,
        of: rows,
        from,
        rows: Math.min(ROWS_PER_INSERT, rows - from),
        endMs,
        month: month.getUTCFullYear() * 100 + month.getUTCMonth() + 1,
      },
      clickhouse_settings: { max_insert_threads: '1', max_threads: 1, wait_end_of_query: 1 },
      abort_signal: signal,
    });
    const done = Math.min(rows, from + ROWS_PER_INSERT);
    const perMs = (done - first) / (performance.now() - startedAt);
    const minutes = (rows - done) / perMs / 60_000;
    progress(
      `${bar(done / rows)} ${(done / 1e6).toFixed(1)} of ${(rows / 1e6).toFixed(1)} M events, ${perMs.toFixed(0)} k/s, ${minutes.toFixed(1)} min left`,
    );
  }
}

function bar(part: number): string {
  const width = 20;
  const full = Math.round(part * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

async function untilMerged(
  client: ClickHouseClient,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<number> {
  const giveUpAt = performance.now() + MERGE_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    const [state] = await select<{ merges: string; parts: string }>(
      client,
      `SELECT (SELECT count() FROM system.merges) AS merges,
       (SELECT count() FROM system.parts WHERE database = '${DATABASE}' AND table = 'events' AND active) AS parts`,
    );
    if (Number(state?.merges) === 0) return Number(state?.parts);
    if (performance.now() > giveUpAt) throw new Error(`merges go on after ${MERGE_TIMEOUT_MS / 1_000} s`);
    progress(`${state?.parts} parts, ${state?.merges} merges`);
    await sleep(LOOK_MS, undefined, { signal });
  }
}

async function select<T>(client: ClickHouseClient, query: string): Promise<T[]> {
  const answer = await client.query({ query, format: 'JSONEachRow' });
  return answer.json<T>();
}
