import type { Mail } from '../mail/mailer.ts';
import { CODE_LIFETIME_MS } from './codes.ts';

/** The mail that brings a code. */
export function codeMail(to: string, code: string): Mail {
  return {
    to,
    // Without the code: subjects show on locked screens.
    subject: 'Your Millrace sign-in code',
    text: [
      'Your code to sign in to Millrace:',
      '',
      code,
      '',
      `It is valid for ${CODE_LIFETIME_MS / 60_000} minutes and can be used once.`,
      'If you did not ask for this, ignore it.',
      '',
    ].join('\n'),
  };
}
