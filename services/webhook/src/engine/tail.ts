import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { type Logger, toMillraceError } from '@millrace/runtime';
import {
  behind,
  nextSeq,
  type Position,
  type RecentKeys,
  RecentMessages,
  type StreamedMessage,
  wantedEvents,
} from '@millrace/wire';
import type { EventFeed, FeedReader } from './ports.ts';
import { StreamedEvent } from './streamed-event.ts';

/** The one reader of the stream's end, for all endpoints that keep up. It rests while there is none. */
export interface Tail {
  /** Everything up to here was offered, or wanted by nobody. */
  readonly position: Position;
  /** Whether who has come to `position` may follow. */
  readonly isReading: boolean;
  /** The messages behind a place, if they were read not long ago. */
  recent(after: Position): readonly StreamedMessage[] | undefined;
  /** Somebody may want events now. */
  wake(): void;
  close(): Promise<void>;
}

const LOOK_MS = 1_000;
const RETRY_MS = 500;
/** Events that are offered in one turn of the event loop. */
const TURN_EVENTS = 200;

/** Makes one that has not begun: it begins at the stream's end when somebody wants events. */
export function startTail(options: {
  feed: Pick<EventFeed, 'follow' | 'state'>;
  keys: RecentKeys;
  /** Whether anybody wants anything. */
  isNeeded: () => boolean;
  isWanted: (workspaceId: string) => boolean;
  offer: (event: StreamedEvent) => void;
  /** It reads from now on: whoever is behind it can catch up. */
  onBegin: () => void;
  /** Messages are missing behind where the tail is: whoever follows it must look elsewhere. */
  onGap: () => void;
  log: Logger;
}): Tail {
  const { feed, keys, isNeeded, isWanted, log } = options;
  const closing = new AbortController();
  let recent = new RecentMessages();
  let reader: FeedReader | undefined;
  let position = behind(0);
  let woken = Promise.withResolvers<void>();

  const show = (message: StreamedMessage): number => {
    if (message.seq > position.seq + 1) options.onGap();
    recent.add(message);
    const events = wantedEvents(message, {
      keys,
      isWanted,
      make: (at, workspaceId, bytes, traceparents) => new StreamedEvent(at, workspaceId, bytes, traceparents),
    });
    for (const event of events) options.offer(event);
    position = behind(message.seq);
    return events.length;
  };
  const begin = async (): Promise<FeedReader> => {
    const { lastSeq } = await feed.state();
    position = behind(Math.max(lastSeq, position.seq));
    recent = new RecentMessages();
    reader = feed.follow(position.seq);
    options.onBegin();
    return reader;
  };
  const rest = async (): Promise<void> => {
    const ended = reader;
    reader = undefined;
    await ended?.close();
    if (isNeeded() || closing.signal.aborted) return;
    woken = Promise.withResolvers();
    await woken.promise;
  };
  const read = async (from: FeedReader): Promise<void> => {
    let sinceTurn = 0;
    while (!closing.signal.aborted && isNeeded()) {
      const message = from.take();
      if (message === undefined) {
        sinceTurn = 0;
        await from.wait(LOOK_MS, closing.signal);
        continue;
      }
      sinceTurn += show(message) + 1;
      if (sinceTurn < TURN_EVENTS) continue;
      sinceTurn = 0;
      await turn();
    }
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        if (isNeeded()) await read(await begin());
      } catch (error) {
        log.warn({ err: toMillraceError(error) }, 'the tail of the stream can not be read, trying again');
        await delay(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      }
      await rest();
    }
  };
  const running = run().catch((error: unknown) => log.error({ err: error }, 'the tail of the stream ended'));

  return {
    get position() {
      return position;
    },
    get isReading() {
      return reader !== undefined;
    },
    recent: (after) => (after.seq >= position.seq ? [] : recent.from(nextSeq(after))),
    wake: () => woken.resolve(),
    async close() {
      closing.abort();
      woken.resolve();
      await running;
    },
  };
}
