import type { Logger } from '@millrace/runtime';
import type { KnownEvent, StreamMessage } from '@millrace/stores';
import { readEnvelope } from '@millrace/wire';
import type { NearKnownEvents } from './known-events.ts';

/** Gives the stream's newest messages, newest chunk first, until `onChunk` answers false. */
export type ReadNewest = (onChunk: (messages: readonly StreamMessage[]) => boolean) => Promise<void>;

/**
 * Fills an empty memory from the stream, so that a copy of what was accepted before a restart is answered as a
 * duplicate. Runs beside the traffic and may fail: the writer drops what slips through.
 */
export async function recallKnown(options: {
  readNewest: ReadNewest;
  seen: NearKnownEvents;
  maxKeys: number;
  log: Logger;
}): Promise<void> {
  const { seen, maxKeys, log } = options;
  let keys = 0;
  try {
    await options.readNewest((messages) => {
      for (const { data } of messages.toReversed()) keys += recallMessage(data, seen);
      return keys < maxKeys;
    });
    log.info({ keys }, 'event ids recalled from the stream');
  } catch (error) {
    log.warn({ err: error, keys }, 'event ids could not be recalled from the stream');
  }
}

/** Newest first, so that of two copies the older, which is the row, is marked last. */
function recallMessage(data: Buffer, seen: NearKnownEvents): number {
  const entries: [string, KnownEvent][] = [];
  for (const { dedupKey, bodyHash, eventId } of readEnvelope(data).items) {
    if (dedupKey !== '') entries.push([dedupKey, { bodyHash, eventId }]);
  }
  seen.mark(entries.toReversed());
  return entries.length;
}
