import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from 'pino';

/** A pino logger: `log.info({ eventId }, 'constant message')`. */
export type Logger = PinoLogger;

const REDACTED_KEYS = ['secret', 'token', 'password', 'authorization', 'apiKey', 'key', 'cookie'];

/** JSON lines on stdout. Keys that name secrets are masked, one level down too; of errors only their words are told. */
export function createLogger(options: {
  service: string;
  level: string;
  /** Default: stdout. */
  destination?: DestinationStream;
}): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: errorWords },
    redact: { paths: REDACTED_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/**
 * What is told of an error: its words, those of its causes, where it arose, and its code. Libraries hang more on theirs, which
 * pino would tell too: ioredis the command with all its arguments, which may be a password.
 */
function errorWords(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof Error)) return { type: typeof thrown };
  const { type, message, stack, code } = stdSerializers.err(thrown);
  return {
    type,
    message,
    stack,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(thrown instanceof AggregateError ? { aggregateErrors: thrown.errors.map(errorWords) } : {}),
  };
}
