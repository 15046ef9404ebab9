import { z } from 'zod';

const port = z.coerce.number().int().min(0).max(65535);

/** Settings that every process reads; a service's `config.ts` extends them. */
export const baseConfig = z.object({
  MILLRACE_ENV: z
    .enum(['development', 'production'])
    .default('development')
    .describe(
      'development allows defaults that are not safe on a network, and must be asked for where something is not on loopback; production refuses them and weak secrets',
    ),
  HOST: z.string().default('127.0.0.1').describe('address to listen on'),
  ADMIN_PORT: port.default(9090).describe('port of /metrics, /livez, /readyz and /startupz; 0 for any'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least severe level to log'),
  STARTUP_TIMEOUT_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3_600)
    .default(60)
    .describe(
      'how long a start waits for the stores it can not do without, in seconds; then the process exits 1',
    ),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url()
    .optional()
    .describe(
      'where to send traces; unset, nothing is traced. The SDK reads the other OTEL_ variables itself',
    ),
});

/** What `baseConfig` yields. */
export type BaseConfig = z.output<typeof baseConfig>;
