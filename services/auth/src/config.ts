import { baseConfig, internalSettings, natsReplicas, natsSettings, redisSettings } from '@millrace/runtime';
import { z } from 'zod';

const secret = z
  .string()
  .max(512)
  .regex(/^[\x21-\x7e]*$/, 'must have no blanks and only ASCII characters: it travels in a header');

const fields = {
  NATS_REPLICAS: natsReplicas,
  KEY_PEPPER: z
    .string()
    .min(16)
    .optional()
    .describe(
      'keys the hashes of stored credentials; another value makes every issued key unknown. Required in production; in development one is made and kept in NATS',
    ),
  BOOTSTRAP_WORKSPACE_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional()
    .describe('id of the default workspace; unset, one is made at the first start and kept'),
  BOOTSTRAP_API_KEY: secret
    .min(16)
    .optional()
    .describe('an analytics key of the default workspace with every permission'),
  BOOTSTRAP_EXTERNAL_EVENT_TOKEN: secret
    .min(16)
    .optional()
    .describe('an external-event token of the default workspace with events:write'),
  EMAIL_API_KEY: secret
    .optional()
    .describe('key of the email API for the default workspace, with events:write'),
  COMPOZY_API_TOKEN: secret
    .optional()
    .describe(
      'token of the workflow API for the default workspace, with events:write. Unset, development takes dev-token and test-token; production takes none',
    ),
  BOOTSTRAP_OWNER_EMAIL: z
    .string()
    .regex(z.regexes.html5Email)
    .optional()
    .describe('address whose owner, once signed in, owns the default workspace'),
  SIGN_UP: z
    .enum(['open', 'invited'])
    .default('open')
    .describe('who may sign in for the first time: anybody, or only addresses that were invited'),
  ...redisSettings,
  SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .optional()
    .describe(
      'mail server, smtp://user:password@host:587; unset, development logs the codes and production sends none',
    ),
  MAIL_FROM: z
    .string()
    .min(3)
    .max(320)
    .default('Millrace <no-reply@localhost>')
    .describe('sender of the mails'),
  JWT_ISSUER: z
    .string()
    .min(1)
    .max(64)
    .default('millrace')
    .describe('iss of the sessions, and what is asked of them'),
  JWT_AUDIENCE: z
    .string()
    .min(1)
    .max(64)
    .default('millrace')
    .describe('aud of the sessions, and what is asked of them'),
  JWT_LIFETIME_MINUTES: z.coerce
    .number()
    .int()
    .min(10)
    .max(60)
    .default(60)
    .describe('how long a session lasts, in minutes'),
  JWT_ROTATION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(365)
    .default(30)
    .describe('how long a key signs sessions before the next one does, in days'),
};

/** Settings of the auth role, wherever it runs. */
export const authConfig = baseConfig.extend(fields);

/** Settings of the auth service as a process of its own. */
export const authServiceConfig = authConfig.extend({
  ...natsSettings,
  GRPC_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(50051)
    .describe('port of the internal gRPC server; 0 for any'),
  ...internalSettings,
});

/** What `authConfig` yields. */
export type AuthConfig = z.output<typeof authConfig>;
