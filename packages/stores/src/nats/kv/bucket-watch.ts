import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime';
import { Events, type KvEntry } from 'nats';
import type { NatsConnection } from '../connect.ts';
import { type Bucket, type BucketSettings, openBucket } from './bucket.ts';

/** Told what a bucket holds, then what changes. */
export interface BucketReader {
  /** What follows is everything the bucket holds; what it held before may be out of date. */
  snapshotBegins(): void;
  entry(entry: KvEntry): void;
  /** Everything has been told. `lastRevision` is at least what the bucket had when the snapshot began. */
  snapshotEnds(lastRevision: number): void;
  /** Changes may be missed from now on; a new snapshot follows as soon as possible. */
  lost(): void;
  /** The last revision told. */
  position(): number;
}

/** A feed that never ends until it is closed. */
export interface BucketWatch {
  close(): Promise<void>;
}

const RETRY_MS = 500;
const DEFAULT_CHECK_INTERVAL_MS = 10_000;

/**
 * Reads a bucket and follows it for ever. A reconnect, an ended feed, or a feed that has fallen behind the bucket
 * starts over with a whole snapshot: a consumer on the server may have died with what it had not yet delivered.
 */
export function watchBucket(options: {
  connection: NatsConnection;
  settings: BucketSettings;
  reader: BucketReader;
  log: Logger;
  /** How often the feed is compared with the bucket, in milliseconds. */
  checkIntervalMs?: number;
}): BucketWatch {
  const { connection, settings, reader, log } = options;
  const closing = new AbortController();
  let endGeneration = new AbortController();
  let checkedPosition = -1;

  const restart = (): void => {
    reader.lost();
    endGeneration.abort();
  };

  const follow = async (): Promise<void> => {
    const generation = new AbortController();
    endGeneration = generation;
    const bucket = await openBucket(connection, settings);
    const start = await bucket.state();
    const entries = await bucket.kv.watch();
    const stop = () => entries.stop();
    generation.signal.addEventListener('abort', stop);
    closing.signal.addEventListener('abort', stop);
    // A reconnect may have come while the feed was being opened.
    if (generation.signal.aborted || closing.signal.aborted) return stop();
    const check = setInterval(
      () => void compare(bucket),
      options.checkIntervalMs ?? DEFAULT_CHECK_INTERVAL_MS,
    );
    try {
      reader.snapshotBegins();
      let whole = start.messages === 0;
      if (whole) reader.snapshotEnds(start.lastRevision);
      for await (const entry of entries) {
        reader.entry(entry);
        // The client's own sign that the snapshot is over may come before its last entries do.
        if (whole || (entry.delta !== 0 && entry.revision < start.lastRevision)) continue;
        whole = true;
        reader.snapshotEnds(start.lastRevision);
      }
    } finally {
      clearInterval(check);
      closing.signal.removeEventListener('abort', stop);
    }
  };

  const compare = async (bucket: Bucket): Promise<void> => {
    try {
      const { lastRevision } = await bucket.state();
      const position = reader.position();
      // Behind at two looks without a step in between: the feed is dead, not slow.
      const stuck = lastRevision !== position && position === checkedPosition;
      checkedPosition = position;
      if (!stuck) return;
      log.warn({ bucket: settings.name, lastRevision, position }, 'the feed of a bucket stands still');
    } catch (error) {
      log.warn({ bucket: settings.name, err: error }, 'a bucket can not be compared with its feed');
    }
    restart();
  };

  const run = async (): Promise<void> => {
    while (!closing.signal.aborted && !connection.isClosed()) {
      try {
        await follow();
      } catch (error) {
        log.warn({ bucket: settings.name, err: error }, 'a bucket can not be followed, trying again');
      }
      if (closing.signal.aborted) return;
      reader.lost();
      if (!endGeneration.signal.aborted) await pause(closing.signal, endGeneration.signal);
    }
  };

  const followConnection = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (closing.signal.aborted) return;
      if (status.type === Events.Disconnect) reader.lost();
      if (status.type === Events.Reconnect) restart();
    }
  };

  const running = run();
  followConnection().catch((error: unknown) => log.error({ err: error }, 'NATS status feed ended'));
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}

async function pause(...signals: AbortSignal[]): Promise<void> {
  try {
    await delay(RETRY_MS, undefined, { signal: AbortSignal.any(signals) });
  } catch (error) {
    // The pause was cut short because there is something to do.
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
  }
}
