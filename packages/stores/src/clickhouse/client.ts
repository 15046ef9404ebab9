import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';

/** Where ClickHouse is and who asks. */
export interface ClickHouseConnection {
  /** `http://host:port`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
}

/** Longest that any request may take, in milliseconds; calls bound themselves more tightly. */
const REQUEST_TIMEOUT_MS = 120_000;

/** ClickHouse closes an idle connection after 10 s; leaving it after 5 s, no request meets one that is closing. */
const IDLE_SOCKET_MS = 5_000;

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Makes a client over kept-alive connections. On loopback nothing is compressed: it would only cost processor time. */
export function createClickHouse(
  connection: ClickHouseConnection & { readonly maxConnections?: number },
): ClickHouseClient {
  const compressed = !LOOPBACK.has(new URL(connection.url).hostname);
  return createClient({
    url: connection.url,
    username: connection.username,
    password: connection.password,
    database: connection.database,
    application: 'millrace',
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: connection.maxConnections ?? 10,
    compression: { request: compressed, response: compressed },
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS, eagerly_destroy_stale_sockets: true },
    // Failures are thrown, and logged where they are handled.
    log: { level: ClickHouseLogLevel.OFF },
  });
}
