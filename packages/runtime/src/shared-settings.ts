import { z } from 'zod';

/** Where Redis is, for the services that use it. */
export const redisUrl = z
  .url()
  .optional()
  .describe(
    'Redis that all replicas share for event ids, sign-in codes and rate limits; unset, each keeps its own',
  );

/** Where NATS is, for the services that connect to it themselves. */
export const natsUrl = z
  .string()
  .default('nats://127.0.0.1:4222')
  .describe('NATS servers, separated by commas');

/** For the services that make buckets and streams. */
export const natsReplicas = z.coerce
  .number()
  .int()
  .min(1)
  .max(5)
  .default(1)
  .describe('copies of each record and message that NATS keeps: 3 in a cluster, 1 on a single server');

/** For every service that calls or is called by another process. */
export const serviceSecret = z
  .string()
  .min(16)
  .describe('shared by all services; signs the token that each call between them carries');
