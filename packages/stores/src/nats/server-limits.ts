import { type Logger, MillraceError } from '@millrace/runtime';
import { Events, type NatsConnection } from 'nats';

/** The first release that answers batched direct reads, which is how events are read. */
const OLDEST_NATS = [2, 11] as const;

/** What the server that a connection leads to can take; another server of the cluster may take less. */
export interface NatsLimits {
  /** Bytes of a message with its headers, of the server that is connected or was last. */
  readonly maxPayloadBytes: number;
}

/**
 * Reads what the server says about itself, now and after each reconnect. Throws `failed_precondition` when it is too
 * old to start with; a message limit that is too small for what may be sent is told in the log, with its setting.
 */
export function watchNatsLimits(options: {
  connection: NatsConnection;
  /** The largest message that may have to be sent, headers included. */
  neededBytes: number;
  log: Logger;
}): NatsLimits {
  const { connection, neededBytes, log } = options;
  let maxPayloadBytes = 0;
  const look = (): string | undefined => {
    // While it reconnects the connection knows no server: what was read last stands.
    const { info } = connection;
    if (info === undefined) return undefined;
    maxPayloadBytes = info.max_payload;
    if (maxPayloadBytes < neededBytes) {
      log.error(
        { maxPayloadBytes, neededBytes, server: info.server_name },
        'nats-server takes messages that are too small for the largest events, which are answered 503: raise its setting max_payload',
      );
    }
    return isTooOld(info.version)
      ? `nats-server ${info.version} is too old: ${OLDEST_NATS.join('.')} is the oldest release that works`
      : undefined;
  };
  const tooOld = look();
  if (tooOld !== undefined) throw new MillraceError('failed_precondition', tooOld);
  const follow = async () => {
    for await (const { type } of connection.status()) {
      if (type !== Events.Reconnect) continue;
      const why = look();
      if (why !== undefined) log.error(why);
    }
  };
  follow().catch((error: unknown) => log.error({ err: error }, 'NATS status feed ended'));
  return {
    get maxPayloadBytes() {
      return connection.info?.max_payload ?? maxPayloadBytes;
    },
  };
}

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NATS;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}
