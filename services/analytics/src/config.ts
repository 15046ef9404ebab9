import {
  baseConfig,
  clickHouseSettings,
  internalSettings,
  natsReplicas,
  natsSettings,
  redisSettings,
} from '@millrace/runtime';
import { z } from 'zod';

/** Settings of the analytics role, wherever it runs. */
export const analyticsSettings = baseConfig.extend({
  ...clickHouseSettings,
  ...redisSettings,
  CLICKHOUSE_SQL_USER: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and _')
    .default('millrace_sql')
    .describe('ClickHouse user that the statements of workspaces run as; see docs/sql.md'),
  CLICKHOUSE_SQL_PASSWORD: z
    .string()
    .optional()
    .describe('password of that user; without one POST /v1/sql answers 503'),
  NATS_REPLICAS: natsReplicas,
  TAIL_MAX_READERS: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(1_000)
    .describe('readers of live tails that a process may have at once; 0 for none'),
  TAIL_MAX_READERS_PER_WORKSPACE: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(100)
    .describe('those of them that may be of one workspace'),
});

/** Settings of the analytics service as a process of its own. */
export const analyticsConfig = analyticsSettings.extend({
  ...natsSettings,
  GRPC_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7003)
    .describe('port of the internal gRPC server; 0 for any'),
  ...internalSettings,
});

/** What `analyticsSettings` yields. */
export type AnalyticsSettings = z.output<typeof analyticsSettings>;
