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
  NATS_REPLICAS: natsReplicas,
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
