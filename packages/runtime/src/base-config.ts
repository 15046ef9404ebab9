import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65535);

/** Settings that every process reads; a service's `config.ts` extends them. */
export const baseConfig = z.object({
  MILLRACE_ENV: z
    .enum(['development', 'production'])
    .default('development')
    .describe('development allows defaults that are not safe on a network; production refuses them'),
  HOST: z.string().default('127.0.0.1').describe('address to listen on'),
  ADMIN_PORT: port.default(9090).describe('port of /metrics, /livez, /readyz and /startupz; 0 for any'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least severe level to log'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe(
      'where to send traces; unset, nothing is traced. The SDK reads the other OTEL_ variables itself',
    ),
});

/** What `baseConfig` yields. */
export type BaseConfig = z.output<typeof baseConfig>;
