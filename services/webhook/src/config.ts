import {
  baseConfig,
  clickHouseSettings,
  internalSettings,
  natsReplicas,
  natsSettings,
  temporalSettings,
} from '@millrace/runtime';
import { z } from 'zod';
import { webhookHttpSettings } from './http/settings.ts';

const address = z.string().regex(/^[^:\s]+:\d+$/, 'must be host:port');

/** Settings of the webhook role, wherever it runs. */
export const webhookSettings = baseConfig.extend({
  ...clickHouseSettings,
  NATS_REPLICAS: natsReplicas,
  WEBHOOK_SEAL_KEY: z
    .string()
    .min(16)
    .optional()
    .describe(
      'encrypts the signing secrets of endpoints where they are stored; with another value no stored one can be used. Required in production; in development one is made and kept in NATS',
    ),
  WEBHOOK_USER_AGENT: z
    .string()
    .regex(/^[\x20-\x7e]{1,256}$/, 'must have 1 to 256 printable ASCII characters')
    .default('ChatbotSaaS-Webhook/1.0')
    .describe('User-Agent of the calls'),
  WEBHOOK_MAX_IN_FLIGHT: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1_000)
    .describe(
      'attempts that a process may have under way; the more there are, the fewer a single endpoint may have',
    ),
  WEBHOOK_MAX_ENDPOINTS: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(1_000)
    .describe('endpoints and triggers that a workspace may have'),
  WEBHOOK_PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'parts in which endpoints are shared out among the replicas of the webhook service, the same for all of them: no fewer than there are replicas',
    ),
  ...webhookHttpSettings,
  ...temporalSettings,
});

/** Settings of the webhook service as a process of its own. */
export const webhookConfig = webhookSettings.extend({
  ...natsSettings,
  GRPC_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(7004)
    .describe('port of the internal gRPC server; 0 for any'),
  ...internalSettings,
  AUTH_ADDRESS: address.default('127.0.0.1:7001').describe('host:port of the auth service'),
  INGEST_ADDRESS: address.default('127.0.0.1:7002').describe('host:port of ingest accept'),
  ANALYTICS_ADDRESS: address.default('127.0.0.1:7003').describe('host:port of the analytics service'),
});

/** What `webhookSettings` yields. */
export type WebhookSettings = z.output<typeof webhookSettings>;
