import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { httpCall } from './http-call.ts';
import { eventually } from './time.ts';

/** A mail as it arrived. */
export interface ReceivedMail {
  /** The address it was handed over for. */
  readonly to: string;
  readonly subject: string;
  /** The body in plain text, lines ended by `\n`. */
  readonly text: string;
}

/** An SMTP server on loopback that keeps what it is given. */
export interface MailServer {
  /** For `SMTP_URL`. */
  readonly url: string;
  /** In the order of their arrival. */
  readonly mails: readonly ReceivedMail[];
  /** Waits for a mail to an address, after the first `afterCount` of them; fails when none comes within 10 s. */
  waitFor(address: string, afterCount?: number): Promise<ReceivedMail>;
  stop(): Promise<void>;
}

/** Starts it on a free port; it offers no encryption, and asks for a password only where `admits` judges it. */
export async function startMailServer(
  options: { admits?: (user: string, password: string) => boolean } = {},
): Promise<MailServer> {
  const { admits } = options;
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    disabledCommands: admits === undefined ? ['AUTH', 'STARTTLS'] : ['STARTTLS'],
    allowInsecureAuth: true,
    disableReverseLookup: true,
    onAuth({ username, password }, _session, callback) {
      if (admits?.(username ?? '', password ?? '') === true) callback(null, { user: username ?? '' });
      else callback(new Error('Invalid username or password'));
    },
    onData(stream, session, callback) {
      readText(stream).then(
        (raw) => {
          const { subject, text } = readMail(raw);
          for (const { address } of session.envelope.rcptTo) mails.push({ to: address, subject, text });
          callback();
        },
        (error: Error) => callback(error),
      );
    },
  });
  // A client that hangs up in mid-sentence is its own business.
  server.on('error', () => undefined);
  const listener = server.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  // The address of a TCP socket is never the string of a pipe.
  const { port } = listener.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    waitFor: (address, afterCount = 0) =>
      eventually(() => {
        const mail = mails.filter(({ to }) => to === address)[afterCount];
        if (mail === undefined) throw new Error(`no mail came to ${address} after ${afterCount}`);
        return mail;
      }),
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

function readMail(raw: string): { subject: string; text: string } {
  const lines = raw.replaceAll('\r\n', '\n');
  const blank = lines.indexOf('\n\n');
  const head = lines.slice(0, blank).replaceAll(/\n[ \t]+/g, ' ');
  const body = lines.slice(blank + 2);
  const header = (name: string) => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1] ?? '';
  return { subject: header('subject'), text: decodeBody(body, header('content-transfer-encoding')) };
}

function decodeBody(body: string, encoding: string): string {
  switch (encoding.trim().toLowerCase()) {
    case 'base64':
      return Buffer.from(body, 'base64').toString();
    case 'quoted-printable':
      return decodeQuotedPrintable(body);
    default:
      return body;
  }
}

function decodeQuotedPrintable(body: string): string {
  const bytes = body
    .replaceAll('=\n', '')
    .replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

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
