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

/** What may become of a mail that was taken: only what was given up or dropped may reach somebody when it is sent again. */
export type MailOutcome = 'sent' | 'logged' | 'refused' | 'given_up' | 'dropped';

/** Sends mails in the background. */
export interface Mailer {
  /** Whether this installation has anything to send mails with. */
  readonly sends: boolean;
  /** Takes a mail; throws `unavailable` when no more can be taken now. */
  send(mail: Mail): void;
  /** Takes a mail as `send` does, and tells what became of it, which may take ten minutes. */
  deliver(mail: Mail): Promise<MailOutcome>;
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

const NO_MAILER: Mailer = {
  sends: false,
  requireRoom: refuse,
  send: refuse,
  deliver: async () => refuse(),
  close: async () => undefined,
};

function refuse(): never {
  throw new MillraceError('unavailable', 'no mail can be sent: this installation has no mail server');
}

/** Writes mails to the log instead of sending them: for development on one's own machine. */
function createLogMailer(options: { mails: PlainCounter; log: Logger }): Mailer {
  const write = ({ to, subject, text }: Mail): void => {
    // One string a line: in escaped text a code would run into the letter of its `\n`.
    const lines = text.split('\n').filter((line) => line !== '');
    options.log.info({ to, subject, lines }, 'SMTP_URL is not set: a mail was logged instead of sent');
    options.mails.add(['logged']);
  };
  return {
    sends: true,
    requireRoom() {
      // The log takes everything.
    },
    send: write,
    async deliver(mail) {
      write(mail);
      return 'logged';
    },
    close: async () => undefined,
  };
}
