import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import type { AuthConfig } from '../config.ts';
import type { AuthMetrics } from '../metrics.ts';
import { createLogMailer } from './log-mailer.ts';
import type { Mailer } from './mailer.ts';
import { createSmtpMailer } from './smtp-mailer.ts';

/** The mailer that the settings ask for: over SMTP, to the log in development, or none. */
export function openMailer(options: {
  config: AuthConfig;
  clock: Clock;
  metrics: AuthMetrics;
  log: Logger;
}): Mailer {
  const { config, clock, log } = options;
  const { mails } = options.metrics;
  if (config.SMTP_URL !== undefined) {
    return createSmtpMailer({ url: config.SMTP_URL, from: config.MAIL_FROM, clock, mails, log });
  }
  if (config.MILLRACE_ENV !== 'production') return createLogMailer({ mails, log });
  log.warn('SMTP_URL is not set: nobody can sign in, because sign-in codes can not be sent');
  return NO_MAILER;
}

const NO_MAILER: Mailer = { requireRoom: refuse, send: refuse, close: async () => undefined };

function refuse(): never {
  throw new MillraceError('unavailable', 'no mail can be sent: this installation has no mail server');
}
