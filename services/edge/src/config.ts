import { baseConfig, booleanSetting, redisUrl } from '@millrace/runtime';
import { z } from 'zod';

const address = z.string().regex(/^[^:\s]+:\d+$/, 'must be host:port');

/** Settings of the public side, wherever it runs. */
export const publicConfig = baseConfig.extend({
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(8080)
    .describe('port of every public API; 0 for any'),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((list) =>
      list
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .describe('browser origins that may call, separated by commas; * for all'),
  REDIS_URL: redisUrl,
  EMAIL_COMPAT_ALWAYS_200: booleanSetting
    .prefault('false')
    .describe('answer 200 to everything on the e-mail routes, as the original server did'),
});

/** Settings of the edge as a process of its own. */
export const edgeConfig = publicConfig.extend({
  NATS_URL: z.string().default('nats://127.0.0.1:4222').describe('NATS servers, separated by commas'),
  SERVICE_SECRET: z
    .string()
    .min(16)
    .describe('shared by all services; signs the token that each call between them carries'),
  AUTH_ADDRESS: address.default('127.0.0.1:7001').describe('host:port of the auth service'),
  INGEST_ADDRESS: address.default('127.0.0.1:7002').describe('host:port of ingest accept'),
  ANALYTICS_ADDRESS: address.default('127.0.0.1:7003').describe('host:port of the analytics service'),
});

/** What `publicConfig` yields. */
export type PublicConfig = z.output<typeof publicConfig>;

/** What `edgeConfig` yields. */
export type EdgeConfig = z.output<typeof edgeConfig>;
