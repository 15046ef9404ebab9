import { httpCall } from './http-call.ts';
import type { MailServer } from './mail-server.ts';

/** Somebody who has signed in. */
export interface SignedIn {
  readonly email: string;
  readonly userId: string;
  /** A JWT of their home workspace. */
  readonly token: string;
  readonly headers: { readonly authorization: string };
}

/** Signs in as people do: asks for a code, reads the mail, sends the code back. */
export async function signIn(url: string, mail: MailServer, email: string): Promise<SignedIn> {
  const before = mail.mails.filter(({ to }) => to === email).length;
  await post(`${url}/api/auth/request-code`, { email });
  const { text } = await mail.waitFor(email, before);
  const code = /\b\d{6}\b/.exec(text)?.[0];
  if (code === undefined) throw new Error('the mail has no code');
  const { data } = await post<{ data: { token: string; user: { id: string } } }>(`${url}/api/auth/verify`, {
    email,
    code,
  });
  return {
    email,
    userId: data.user.id,
    token: data.token,
    headers: { authorization: `Bearer ${data.token}` },
  };
}

async function post<T>(url: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const answer = await httpCall(url, { headers, body: JSON.stringify(body) });
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${answer.text}`);
  // The callers are tests: a body of another shape fails where it is used.
  return answer.json() as T;
}
