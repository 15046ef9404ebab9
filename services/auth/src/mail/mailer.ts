import { type Clock, type Logger, MillraceError, type PlainCounter } from '@millrace/runtime';
import type { AuthConfig } from '../config.ts';
import type { AuthMetrics } from '../metrics.ts';
import { createSmtpMailer } from './smtp-mailer.ts';

/** A mail to one person. */
export interface Mail {
  /** A bare address in the form of `normalizedEmail`. */
  readonly to: string;
  readonly subject: string;
  /** Plain text; lines end with `\n`. */
  readonly text: string;
}

/** Sends mails in the background. */
export interface Mailer {
  /** Takes a mail; throws `unavailable` when no more can be taken now. */
  send(mail: Mail): void;
  /** Throws what `send` would, so that a caller can find out before it does anything else. */
  requireRoom(): void;
  /** Gives what is under way a few seconds, then drops the rest. */
  close(): Promise<void>;
}

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

/** Writes mails to the log instead of sending them: for development on one's own machine. */
function createLogMailer(options: { mails: PlainCounter; log: Logger }): Mailer {
  return {
    requireRoom() {
      // The log takes everything.
    },
    send({ to, subject, text }) {
      // One string a line: in escaped text a code would run into the letter of its `\n`.
      const lines = text.split('\n').filter((line) => line !== '');
      options.log.info({ to, subject, lines }, 'SMTP_URL is not set: a mail was logged instead of sent');
      options.mails.add(['logged']);
    },
    close: async () => undefined,
  };
}
