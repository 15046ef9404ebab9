import { baseConfig, natsReplicas, natsUrl, serviceSecret } from '@millrace/runtime';
import { z } from 'zod';

const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'letters, digits and _');

/** Settings of the analytics role, wherever it runs. */
export const analyticsSettings = baseConfig.extend({
  CLICKHOUSE_URL: z.url().default('http://127.0.0.1:8123').describe('HTTP interface of ClickHouse'),
  CLICKHOUSE_USER: z.string().default('millrace').describe('user of the services'),
  CLICKHOUSE_PASSWORD: z.string().default('').describe('password of that user'),
  CLICKHOUSE_DATABASE: identifier.default('millrace').describe('database of the events'),
  CLICKHOUSE_CLUSTER: identifier
    .optional()
    .describe('cluster on which tables are made, replicated; unset for a single server'),
  NATS_REPLICAS: natsReplicas,
});

/** Settings of the analytics service as a process of its own. */
export const analyticsConfig = analyticsSettings.extend({
  NATS_URL: natsUrl,
  GRPC_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7003)
    .describe('port of the internal gRPC server; 0 for any'),
  SERVICE_SECRET: serviceSecret,
});

/** What `analyticsSettings` yields. */
export type AnalyticsSettings = z.output<typeof analyticsSettings>;
