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
