import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, type Logger, MillraceError, type PlainCounter } from '@millrace/runtime';
import { createTransport } from 'nodemailer';
import type { Mail, Mailer, MailOutcome } from './mailer.ts';

/** Mails that may be under way or wait for another try. */
const MOST_PENDING = 1_000;
const CONNECTIONS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
/** Longest silence of a connection. */
const SOCKET_TIMEOUT_MS = 20_000;
/** Longest that one try may take, waiting for a connection included. */
const TRY_TIMEOUT_MS = 120_000;
/** A sign-in code is of no use any more by then. */
const RETRY_FOR_MS = 10 * 60_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
const CLOSE_WITHIN_MS = 5_000;

/** Sends over SMTP, a few connections at a time; what fails for now is tried again for ten minutes. */
export function createSmtpMailer(options: {
  /** `smtp://` or `smtps://`, with user and password when the server wants them. */
  url: string;
  from: string;
  clock: Clock;
  mails: PlainCounter;
  log: Logger;
  maxPending?: number;
}): Mailer {
  const { clock, log, mails } = options;
  const maxPending = options.maxPending ?? MOST_PENDING;
  const closing = new AbortController();
  const pending = new Set<Promise<MailOutcome>>();
  const transport = createTransport({
    url: options.url,
    pool: true,
    maxConnections: CONNECTIONS,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    dnsTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  const tryOnce = async ({ to, subject, text }: Mail): Promise<unknown> => {
    try {
      await transport.sendMail({
        from: options.from,
        // An object is not parsed: an address can't turn into several.
        to: { name: '', address: to },
        subject,
        text,
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(TRY_TIMEOUT_MS)]),
      });
      return undefined;
    } catch (error) {
      return error;
    }
  };

  const sendWithin = async (mail: Mail): Promise<MailOutcome> => {
    const giveUpAtMs = clock.monotonic() + RETRY_FOR_MS;
    // Whoever waits for the caller's answer must not be able to tell by its time that there is a mail.
    await nextTurn();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const failure = await tryOnce(mail);
      if (failure === undefined) return 'sent';
      if (closing.signal.aborted) return 'dropped';
      log.warn(recognisableFailure(failure), 'a mail could not be sent');
      if (isFinal(failure)) return 'refused';
      if (clock.monotonic() + pauseMs > giveUpAtMs) return 'given_up';
      if (!(await pause(pauseMs, closing.signal))) return 'dropped';
    }
  };

  const requireRoom = (): void => {
    if (closing.signal.aborted || pending.size >= maxPending) {
      throw new MillraceError('unavailable', 'no mail can be sent now, try again later');
    }
  };

  const take = (mail: Mail): Promise<MailOutcome> => {
    requireRoom();
    const delivery = sendWithin(mail)
      .then((outcome) => {
        mails.add([outcome]);
        return outcome;
      })
      .finally(() => pending.delete(delivery));
    pending.add(delivery);
    return delivery;
  };

  return {
    sends: true,
    requireRoom,
    send: (mail) => void take(mail),
    deliver: async (mail) => take(mail),
    async close() {
      const finished = Promise.all(pending);
      const cutOff = new AbortController();
      await Promise.race([finished, pause(CLOSE_WITHIN_MS, cutOff.signal)]);
      cutOff.abort();
      if (pending.size > 0) log.warn({ mails: pending.size }, 'stopping before every mail was sent');
      closing.abort();
      await finished;
      transport.close();
    },
  };
}

/** What may be logged of a failure: its words would repeat the address. */
function recognisableFailure(failure: unknown): Record<string, unknown> {
  const { code, command, responseCode } = asSmtpFailure(failure);
  return { failure: code, command, responseCode };
}

function isFinal(failure: unknown): boolean {
  const { responseCode } = asSmtpFailure(failure);
  return responseCode !== undefined && responseCode >= 500;
}

function asSmtpFailure(failure: unknown): {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
} {
  // These are the properties that nodemailer sets on its errors; another error has none of them.
  return failure instanceof Error ? (failure as ReturnType<typeof asSmtpFailure>) : {};
}

/** False when it was cut short. */
async function pause(pauseMs: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(pauseMs, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
