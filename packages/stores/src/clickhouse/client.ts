import { Agent } from 'node:https';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import {
  type ClickHouseSettings,
  isLoopback,
  type Logger,
  openTlsFilesIfAny,
  type TlsFiles,
} from '@millrace/runtime';

/** Where ClickHouse is and who asks. */
export interface ClickHouseConnection {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
  /** Whom to trust and which certificate to show, where the URL is https. */
  readonly tls?: TlsFiles | undefined;
}

/** Longest that any request may take, in milliseconds; calls bound themselves more tightly. */
const REQUEST_TIMEOUT_MS = 120_000;

/** ClickHouse closes an idle connection after 10 s; leaving it after 5 s, no request meets one that is closing. */
const IDLE_SOCKET_MS = 5_000;

/** What the settings say of ClickHouse; opens the certificates. */
export function clickHouseFrom(config: ClickHouseSettings, log: Logger): ClickHouseConnection {
  const { CLICKHOUSE_TLS_CA: ca, CLICKHOUSE_TLS_CERT: cert, CLICKHOUSE_TLS_KEY: key } = config;
  return {
    url: config.CLICKHOUSE_URL,
    username: config.CLICKHOUSE_USER,
    password: config.CLICKHOUSE_PASSWORD,
    database: config.CLICKHOUSE_DATABASE,
    tls: openTlsFilesIfAny({ ca, cert, key }, log),
  };
}

/** Makes a client over kept-alive connections. On loopback nothing is compressed: it would only cost processor time. */
export function createClickHouse(
  connection: ClickHouseConnection & {
    readonly maxConnections?: number;
    /** Longest that any request may take, in milliseconds, if not two minutes. */
    readonly requestTimeoutMs?: number;
    /** For a user that may not change settings, which compression needs. */
    readonly uncompressed?: boolean;
  },
): ClickHouseClient {
  const compressed = connection.uncompressed !== true && !isLoopback(new URL(connection.url).hostname);
  const maxConnections = connection.maxConnections ?? 10;
  const { tls } = connection;
  return createClient({
    url: connection.url,
    username: connection.username,
    password: connection.password,
    database: connection.database,
    application: 'millrace',
    request_timeout: connection.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    max_open_connections: maxConnections,
    compression: { request: compressed, response: compressed },
    keep_alive: { enabled: true, idle_socket_ttl: IDLE_SOCKET_MS, eagerly_destroy_stale_sockets: true },
    // The client's own TLS option keeps the first certificate for ever, and with one sends no password.
    ...(tls === undefined ? {} : { http_agent: agentWith(tls, maxConnections), set_basic_auth_header: true }),
    // Failures are thrown, and logged where they are handled.
    log: { level: ClickHouseLogLevel.OFF },
  });
}

/** An agent whose connections show the certificate that is there when they are made. */
function agentWith(tls: TlsFiles, maxSockets: number): Agent {
  // Resuming a session would bring back whom it was made with.
  const agent = new Agent({ keepAlive: true, maxSockets, maxCachedSessions: 0 });
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => create({ ...options, ...tls.current() }, callback);
  return agent;
}
