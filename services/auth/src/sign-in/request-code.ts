import type { RequestCodeRequest } from '@millrace/contracts/millrace/auth/v1/sign_in';
import type { Mail, Mailer } from '../mail/mailer.ts';
import type { AuthMetrics } from '../metrics.ts';
import { normalizedEmail } from '../store/user-record.ts';
import type { CodeSecrets } from './codes.ts';
import { CODE_LIFETIME_MS, type Codes } from './codes.ts';
import type { MaySignIn } from './verify-code.ts';

/**
 * Makes the use case that mails a code. Whether the address is known, or may sign in at all, changes neither the
 * answer nor the work that is done before it: the mail goes out in the background.
 */
export function createRequestCode(options: {
  codes: Codes;
  secrets: CodeSecrets;
  mailer: Mailer;
  maySignIn: MaySignIn;
  metrics: AuthMetrics;
}) {
  const { codes, secrets, mailer, maySignIn, metrics } = options;
  return async (request: RequestCodeRequest): Promise<{ retryAfterSeconds: number }> => {
    const email = normalizedEmail(request.email);
    // A request that can't be mailed must not count against the address.
    mailer.requireRoom();
    const code = secrets.newCode();
    const kept = await codes.put(secrets.addressKey(email), secrets.codeHash(email, code));
    if (kept.kind === 'limited') {
      metrics.signIns.add(['limited']);
      return { retryAfterSeconds: Math.max(1, Math.ceil(kept.retryAfterMs / 1_000)) };
    }
    mailer.requireRoom();
    if (maySignIn(email)) mailer.send(codeMail(email, code));
    metrics.signIns.add(['requested']);
    return { retryAfterSeconds: 0 };
  };
}

/** The mail that brings a code. */
function codeMail(to: string, code: string): Mail {
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
