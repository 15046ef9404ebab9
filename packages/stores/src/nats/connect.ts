import type { Logger } from '@millrace/runtime';
import { connect, Events, type NatsConnection } from 'nats';

export type { NatsConnection } from 'nats';

/**
 * Connects, and from then on reconnects for ever.
 * The server is pinged every 5 s: by default a frozen one is noticed only after minutes.
 * `onChange` is told when the connection is lost and when it is back.
 */
export async function connectNats(options: {
  url: string;
  /** Shown in the server's monitoring. */
  name: string;
  log: Logger;
  onChange?: (connected: boolean) => void;
}): Promise<NatsConnection> {
  const { log } = options;
  const connection = await connect({
    servers: options.url.split(','),
    name: options.name,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    reconnectTimeWait: 200,
    reconnectJitter: 100,
    pingInterval: 5_000,
    maxPingOut: 2,
    timeout: 5_000,
  });
  options.onChange?.(true);
  watchStatus(connection, log, options.onChange).catch((error: unknown) =>
    log.error({ err: error }, 'NATS status feed ended'),
  );
  return connection;
}

async function watchStatus(
  connection: NatsConnection,
  log: Logger,
  onChange: ((connected: boolean) => void) | undefined,
): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === Events.Disconnect) {
      log.warn('NATS connection lost');
      onChange?.(false);
    } else if (status.type === Events.Reconnect) {
      log.info('NATS connection is back');
      onChange?.(true);
    } else if (status.type === Events.Error) {
      log.error({ reason: String(status.data) }, 'NATS reported an error');
    }
  }
}
