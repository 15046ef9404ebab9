import { type Logger, openTlsFilesIfAny, type RedisSettings, type TlsFiles } from '@millrace/runtime';
import { Redis, type RedisOptions } from 'ioredis';

export type { Redis } from 'ioredis';

/** Longest that a command may take, in milliseconds: Redis only ever saves work, so nobody waits for it. */
const COMMAND_TIMEOUT_MS = 250;
const MAX_BACKOFF_MS = 2_000;

/** Opens what the settings say of Redis; undefined where they name none. */
export function openRedis(config: Partial<RedisSettings>, log: Logger): Redis | undefined {
  const { REDIS_URL: url, REDIS_TLS_CA: ca, REDIS_TLS_CERT: cert, REDIS_TLS_KEY: key } = config;
  if (url === undefined) return undefined;
  return connectRedis({ url, tls: openTlsFilesIfAny({ ca, cert, key }, log), log });
}

/**
 * Opens a connection that reconnects for ever. While it is down every command fails at once instead of queueing.
 * Does not wait for the server.
 */
export function connectRedis(options: {
  /** `redis://user:password@host:port`; `rediss://` encrypts. */
  url: string;
  /** Whom to trust and which certificate to show, where the URL is rediss. */
  tls?: TlsFiles | undefined;
  /** Default: 250, because Redis only ever saves work. */
  commandTimeoutMs?: number;
  log: Logger;
}): Redis {
  const { tls } = options;
  const redis = new Redis(options.url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(attempt * 50, MAX_BACKOFF_MS),
    ...(tls === undefined ? {} : { tls: readAtEachConnect(tls) }),
  });
  let reported = false;
  redis.on('error', (error: Error) => {
    if (!reported) options.log.warn({ err: error }, 'Redis is away; going on without it');
    reported = true;
  });
  redis.on('ready', () => {
    if (reported) options.log.info('Redis is back');
    reported = false;
  });
  return redis;
}

/** ioredis copies these options whenever it connects, and so gets what the files hold then. */
function readAtEachConnect(tls: TlsFiles): NonNullable<RedisOptions['tls']> {
  const material = (name: 'ca' | 'cert' | 'key') => ({ enumerable: true, get: () => tls.current()[name] });
  return Object.defineProperties({}, { ca: material('ca'), cert: material('cert'), key: material('key') });
}
