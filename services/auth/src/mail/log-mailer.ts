import type { Logger, PlainCounter } from '@millrace/runtime';
import type { Mailer } from './mailer.ts';

/** Writes mails to the log instead of sending them: for development on one's own machine. */
export function createLogMailer(options: { mails: PlainCounter; log: Logger }): Mailer {
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
