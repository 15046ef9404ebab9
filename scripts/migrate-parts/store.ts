import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadSecrets, readConnection } from '@millrace/embedded';
import { clickHouseSettings, createLogger, type Logger, loadConfig, MillraceError } from '@millrace/runtime';
import { type ClickHouseClient, clickHouseFrom, createClickHouse } from '@millrace/stores';
import { z } from 'zod';

/** The ClickHouse that is looked after. */
export interface Store {
  readonly client: ClickHouseClient;
  readonly url: string;
  readonly user: string;
  readonly database: string;
  /** Empty for a single server. */
  readonly cluster: string;
  readonly log: Logger;
}

/** Longest that a read of one part may take. */
const REQUEST_TIMEOUT_MS = 630_000;

const settings = z.object(clickHouseSettings);
const logLine = z.looseObject({ msg: z.string(), holder: z.string().optional() });

/**
 * Opens the ClickHouse of the settings, or of the stack that runs on a data directory. Throws `failed_precondition` with
 * every setting that is wrong, or when no stack runs there.
 */
export function openStore(
  environment: Readonly<Record<string, string | undefined>>,
  dataDir: string | undefined,
): Store {
  const config = loadConfig(settings, dataDir === undefined ? environment : environmentOf(dataDir));
  const log = createLogger({ service: 'migrate', level: 'info', destination: { write: tell } });
  return {
    // The database may have to be made first.
    client: createClickHouse({
      ...clickHouseFrom(config, log),
      database: 'default',
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    }),
    url: config.CLICKHOUSE_URL,
    user: config.CLICKHOUSE_USER,
    database: config.CLICKHOUSE_DATABASE,
    cluster: config.CLICKHOUSE_CLUSTER ?? '',
    log,
  };
}

/** As the stack's own services: the user of `connection.json` may only read. */
function environmentOf(dataDir: string): Record<string, string> {
  const directory = resolve(dataDir);
  const connection = readConnection(directory);
  if (connection === undefined) {
    const reason = existsSync(directory)
      ? `no stack runs on ${directory}: start it with scripts/up --data ${dataDir}`
      : `there is no directory ${directory}`;
    throw new MillraceError('failed_precondition', `--data: ${reason}`);
  }
  return {
    CLICKHOUSE_URL: connection.clickhouse.url,
    CLICKHOUSE_DATABASE: connection.clickhouse.database,
    CLICKHOUSE_PASSWORD: loadSecrets(directory).clickHousePassword,
  };
}

/** What the library logs, for people: what it waits for above all. */
function tell(line: string): void {
  const { msg, holder } = logLine.parse(JSON.parse(line));
  process.stderr.write(holder === undefined ? `${msg}\n` : `${msg} (${holder})\n`);
}

/** Why a command failed, in words that say what to do. */
export function explain(error: unknown, { url, user }: Pick<Store, 'url' | 'user'>): string {
  if (!(error instanceof MillraceError)) return error instanceof Error ? (error.stack ?? '') : String(error);
  if (error.code !== 'unavailable') return error.message;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code === '516') {
    return `ClickHouse at ${url} refuses the user ${user}: CLICKHOUSE_USER or CLICKHOUSE_PASSWORD is wrong`;
  }
  if (/^[A-Z]+_?[A-Z_]+$/.test(code))
    return `no ClickHouse answers at ${url} (${code}): is CLICKHOUSE_URL right?`;
  return cause instanceof Error ? `ClickHouse at ${url}: ${cause.message}` : error.message;
}
