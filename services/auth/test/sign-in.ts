import assert from 'node:assert/strict';
import { SignInService } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { type Clock, callInProcess } from '@millrace/runtime';
import type { MailServer } from '@millrace/testkit';
import { type Bench, CALL, log, signInClientOf, startAuth } from './auth.ts';

/** An auth and people who sign in to it. */
export type Signer = Awaited<ReturnType<typeof openSignInBench>>;

/** Starts an auth whose mails go to a server. */
export async function openSignInBench(
  bench: Bench,
  mail: MailServer,
  environment: Record<string, string>,
  clock?: Clock,
  authLog = log,
) {
  const { auth, stop } = await startAuth(bench, environment, clock, authLog);
  const methods = await signInClientOf(bench, auth);
  const inProcess = callInProcess(SignInService, auth.bindings.signIn);
  const verify = (email: string, code: string) => methods.verifyCode({ email, code }, CALL);
  const requestCode = async (email: string): Promise<string> => {
    const to = email.toLowerCase();
    const before = mail.mails.filter((one) => one.to === to).length;
    const { retryAfterSeconds } = await methods.requestCode({ email }, CALL);
    assert.equal(retryAfterSeconds, 0, 'asked too often');
    return codeIn((await mail.waitFor(to, before)).text);
  };
  return {
    auth,
    stop,
    methods,
    verify,
    verifyInProcess: (email: string, code: string) => inProcess.verifyCode({ email, code }, CALL),
    requestCode,
    async signIn(email: string) {
      const code = await requestCode(email);
      return { ...(await verify(email, code)), code };
    },
  };
}

/** The code on a line of its own. */
export function codeIn(text: string): string {
  const [code] = /^\d{6}$/m.exec(text) ?? [];
  assert.ok(code, 'the mail has no code');
  return code;
}
