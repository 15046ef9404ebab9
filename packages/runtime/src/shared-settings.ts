import { accessSync, constants } from 'node:fs';
import { z } from 'zod';
import { parseNatsUrl } from './nats-url.ts';

const file = z.string().superRefine((path, context) => {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    context.addIssue({ code: 'custom', message: `must be a file that can be read (${reason})` });
  }
});

const ca = (whose: string) =>
  file
    .optional()
    .describe(`PEM file with the CAs that ${whose} certificate must be from; unset, the system's`);
const certificate = file
  .optional()
  .describe('PEM file with the client certificate to show; set together with its key');
const key = file.optional().describe('PEM file with the key of that certificate');

const port = z.coerce.number().int().min(0).max(65535);

/** Settings that every process reads; a service's `config.ts` extends them. */
export const baseConfig = z.object({
  MILLRACE_ENV: z
    .enum(['development', 'production'])
    .default('development')
    .describe(
      'development allows defaults that are not safe on a network, and must be asked for where something is not on loopback; production refuses them and weak secrets',
    ),
  HOST: z.string().default('127.0.0.1').describe('address to listen on'),
  ADMIN_PORT: port
    .default(9090)
    .describe('port of /metrics, /livez, /readyz, /startupz and /preparedz; 0 for any'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least severe level to log'),
  STARTUP_TIMEOUT_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3_600)
    .default(60)
    .describe(
      'how long a start waits for the stores it can not do without, in seconds; then the process exits 1',
    ),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe(
      'where to send traces; unset, nothing is traced. The SDK reads the other OTEL_ variables itself',
    ),
});

/** How to reach NATS, for the services that connect to it themselves. */
export const natsSettings = {
  NATS_URL: z
    .string()
    .default('nats://127.0.0.1:4222')
    .superRefine((text, context) => {
      try {
        parseNatsUrl(text);
      } catch (error) {
        const message = error instanceof Error ? error.message : 'is no list of servers';
        context.addIssue({ code: 'custom', message });
      }
    })
    .describe(
      'NATS servers, separated by commas: nats://host:port, tls://host:port (nothing goes unencrypted), either with user:password@, percent-encoded',
    ),
  NATS_USER: z
    .string()
    .optional()
    .describe('user of NATS; with NATS_PASSWORD, instead of user info in NATS_URL'),
  NATS_PASSWORD: z.string().optional().describe('password of that user'),
  NATS_TOKEN: z.string().optional().describe('token of NATS, where it asks for one instead of a user'),
  NATS_CREDS: file
    .optional()
    .describe('file with JWT and seed (.creds) to present to NATS; read again at each connect'),
  NATS_NKEY: file
    .optional()
    .describe('file with an nkey seed (SU…) to sign in to NATS; read again at each connect'),
  NATS_TLS_CA: ca('a NATS server’s'),
  NATS_TLS_CERT: certificate,
  NATS_TLS_KEY: key,
};

/** For the services that make buckets and streams. */
export const natsReplicas = z.coerce
  .number()
  .int()
  .min(1)
  .max(5)
  .default(1)
  .describe('copies of each record and message that NATS keeps: 3 in a cluster, 1 on a single server');

/** How to reach ClickHouse. */
export const clickHouseSettings = {
  CLICKHOUSE_URL: z
    .url({ protocol: /^https?$/ })
    .default('http://127.0.0.1:8123')
    .describe('HTTP interface of ClickHouse; https:// encrypts'),
  CLICKHOUSE_USER: z.string().default('millrace').describe('user of the services'),
  CLICKHOUSE_PASSWORD: z.string().default('').describe('password of that user'),
  CLICKHOUSE_DATABASE: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and _')
    .default('millrace')
    .describe('database of the events'),
  CLICKHOUSE_CLUSTER: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and _')
    .optional()
    .describe(
      'cluster on which tables are made, replicated; writes wait for most replicas; unset for a single server',
    ),
  CLICKHOUSE_TLS_CA: ca('ClickHouse’s'),
  CLICKHOUSE_TLS_CERT: certificate,
  CLICKHOUSE_TLS_KEY: key,
};

/** How to reach Redis, for the services that use it. */
export const redisSettings = {
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .describe(
      'Redis that all replicas share for event ids, sign-in codes and rate limits: redis://user:password@host:port, rediss:// encrypts; unset, each keeps its own',
    ),
  REDIS_TLS_CA: ca('Redis’'),
  REDIS_TLS_CERT: certificate,
  REDIS_TLS_KEY: key,
};

/** How to reach Temporal, for the service that starts workflows. */
export const temporalSettings = {
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^:\s]+:\d+$/, 'must be host:port')
    .optional()
    .describe(
      'host:port of the Temporal server whose workflows triggers start and signal; unset, there are no such triggers',
    ),
  TEMPORAL_NAMESPACES: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .describe('namespaces that triggers may name, separated by commas; unset, every one of the server'),
  TEMPORAL_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must have printable ASCII characters only')
    .optional()
    .describe('API key that is shown to Temporal; with it everything is encrypted'),
  TEMPORAL_TLS_CA: ca('a Temporal server’s'),
  TEMPORAL_TLS_CERT: certificate,
  TEMPORAL_TLS_KEY: key,
};

/** For every service that calls or is called by another process. */
export const internalSettings = {
  SERVICE_SECRET: z
    .string()
    .min(16)
    .describe('shared by all services; signs the token that each call between them carries'),
  GRPC_TLS_CA: file
    .optional()
    .describe(
      'PEM file with the CAs of the services’ certificates; with it and the two below, calls between services are encrypted and both sides show a certificate. Files are read again when they change',
    ),
  GRPC_TLS_CERT: file
    .optional()
    .describe(
      'PEM file with the certificate of this service, for servers and clients (both extended key usages)',
    ),
  GRPC_TLS_KEY: file.optional().describe('PEM file with the key of that certificate'),
};

type Settings<Fields extends z.core.$ZodLooseShape> = z.output<z.ZodObject<Fields>>;

/** What `baseConfig` yields. */
export type BaseConfig = z.output<typeof baseConfig>;
/** What `natsSettings` yields. */
export type NatsSettings = Settings<typeof natsSettings>;
/** What `clickHouseSettings` yields. */
export type ClickHouseSettings = Settings<typeof clickHouseSettings>;
/** What `redisSettings` yields. */
export type RedisSettings = Settings<typeof redisSettings>;
/** What `temporalSettings` yields. */
export type TemporalSettings = Settings<typeof temporalSettings>;
/** What `internalSettings` yields. */
export type InternalSettings = Settings<typeof internalSettings>;
