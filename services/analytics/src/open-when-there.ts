import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime';
import type { NatsConnection } from '@millrace/stores';

const RETRY_MS = 1_000;

/**
 * Opens something on NATS as soon as that is there, trying again until `closing` aborts. Undefined when it was given up, or when
 * there is no NATS: whoever connects tells why.
 */
export async function openWhenThere<T extends { close(): Promise<void> }>(options: {
  connection: NatsConnection | Promise<NatsConnection>;
  open: (connection: NatsConnection) => Promise<T>;
  /** For the log. */
  what: string;
  closing: AbortSignal;
  log: Logger;
}): Promise<T | undefined> {
  const { open, what, closing, log } = options;
  let connection: NatsConnection;
  try {
    connection = await untilClosing(Promise.resolve(options.connection), closing);
  } catch {
    return undefined;
  }
  while (!closing.aborted) {
    try {
      const opened = await open(connection);
      if (!closing.aborted) return opened;
      await opened.close();
      return undefined;
    } catch (error) {
      log.warn({ what, err: error }, 'can not be opened on NATS, trying again');
    }
    await delay(RETRY_MS, undefined, { signal: closing }).catch(() => undefined);
  }
  return undefined;
}

function untilClosing<T>(promise: Promise<T>, closing: AbortSignal): Promise<T> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      if (closing.aborted) reject(closing.reason);
      closing.addEventListener('abort', () => reject(closing.reason), { once: true });
    }),
  ]);
}
