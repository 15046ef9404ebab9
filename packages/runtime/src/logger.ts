import { type Logger as PinoLogger, pino } from 'pino';

/** A pino logger: `log.info({ eventId }, 'constant message')`. */
export type Logger = PinoLogger;

const REDACTED_KEYS = ['secret', 'token', 'password', 'authorization', 'apiKey', 'key', 'cookie'];

/** JSON lines on stdout. Keys that name secrets are masked, one level down too. */
export function createLogger(options: { service: string; level: string }): Logger {
  return pino({
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
  });
}
