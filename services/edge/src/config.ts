import {
  baseConfig,
  booleanSetting,
  internalSettings,
  natsReplicas,
  natsSettings,
  redisSettings,
} from '@millrace/runtime';
import { z } from 'zod';
import { isProxyRange } from './server/client-address.ts';

const address = z.string().regex(/^[^:\s]+:\d+$/, 'must be host:port');

/** A list in one variable, separated by commas. */
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

const perMinute = z.coerce.number().int().min(0).max(60_000_000);

/** Settings of the public side, wherever it runs. */
export const publicConfig = baseConfig.extend({
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(8080)
    .describe('port of every public API; 0 for any'),
  CORS_ORIGINS: list.describe('browser origins that may call, separated by commas; * for all'),
  TRUSTED_PROXIES: list
    .superRefine((ranges, context) => {
      for (const range of ranges) {
        if (isProxyRange(range)) continue;
        const message = `${range} is no IP address, CIDR range, loopback, linklocal or uniquelocal`;
        context.addIssue({ code: 'custom', message });
      }
    })
    .describe(
      'proxies whose X-Forwarded-For is believed, separated by commas: IP addresses, CIDR ranges, loopback, linklocal, uniquelocal; empty for none',
    ),
  WORKFLOW_RATE_LIMIT_PER_MINUTE: perMinute
    .default(0)
    .describe(
      'requests a minute of each token on the workflow API, where neither the token nor its workspace has a limit of its own; 0 for no limit',
    ),
  AUTH_RATE_LIMIT_PER_MINUTE: perMinute
    .default(100)
    .describe('requests a minute of each client address on /api/auth; 0 for no limit'),
  MAX_BODY_BYTES_IN_MEMORY: z.coerce
    .number()
    .int()
    .min(20 * 1024 * 1024)
    .default(256 * 1024 * 1024)
    .describe(
      'memory that the bodies of all requests under way may take together, as received and inflated, in bytes; above it requests are answered 503',
    ),
  ANALYTICS_PUBLIC_WORKSPACE: z.string().max(128).optional().meta({
    keepsEmpty: true,
    description:
      'workspace whose figures anybody may see at /api/v1/analytics/metrics: an id, or default for the default workspace; empty for none. Unset it is default in development and none in production',
  }),
  NATS_REPLICAS: natsReplicas,
  ...redisSettings,
  EMAIL_COMPAT_ALWAYS_200: booleanSetting
    .prefault('false')
    .describe('answer 200 to everything on the e-mail routes, as the original server did'),
});

/** Settings of the edge as a process of its own. */
export const edgeConfig = publicConfig.extend({
  ...natsSettings,
  ...internalSettings,
  AUTH_ADDRESS: address.default('127.0.0.1:7001').describe('host:port of the auth service'),
  INGEST_ADDRESS: address.default('127.0.0.1:7002').describe('host:port of ingest accept'),
  ANALYTICS_ADDRESS: address.default('127.0.0.1:7003').describe('host:port of the analytics service'),
  WEBHOOK_ADDRESS: address.default('127.0.0.1:7004').describe('host:port of the webhook service'),
});

/** What `publicConfig` yields. */
export type PublicConfig = z.output<typeof publicConfig>;

/** What `edgeConfig` yields. */
export type EdgeConfig = z.output<typeof edgeConfig>;
