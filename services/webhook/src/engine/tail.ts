import { setImmediate as turn } from 'node:timers/promises';
import type { Logger } from '@millrace/runtime';
import {
  behind,
  nextSeq,
  type Position,
  type RecentKeys,
  RecentMessages,
  type StreamedMessage,
  wantedEvents,
} from '@millrace/wire';
import type { EventFeed } from './ports.ts';
import { StreamedEvent } from './streamed-event.ts';

/** The one reader of the stream's end, for all endpoints that keep up. */
export interface Tail {
  /** Everything up to here was offered. */
  readonly position: Position;
  /** The messages behind a place, if they were read not long ago. */
  recent(after: Position): readonly StreamedMessage[] | undefined;
  close(): Promise<void>;
}

const LOOK_MS = 1_000;
/** Events that are offered in one turn of the event loop. */
const TURN_EVENTS = 200;

/** Begins to read behind a sequence. */
export function startTail(options: {
  feed: Pick<EventFeed, 'follow'>;
  afterSeq: number;
  keys: RecentKeys;
  isWanted: (workspaceId: string) => boolean;
  offer: (event: StreamedEvent) => void;
  /** Messages are missing behind where the tail is: whoever follows it must look elsewhere. */
  onGap: () => void;
  log: Logger;
}): Tail {
  const { feed, keys, isWanted, log } = options;
  const closing = new AbortController();
  const recent = new RecentMessages();
  const reader = feed.follow(options.afterSeq);
  let position = behind(options.afterSeq);

  const show = (message: StreamedMessage): number => {
    if (message.seq > position.seq + 1) options.onGap();
    recent.add(message);
    const events = wantedEvents(message, {
      keys,
      isWanted,
      make: (at, workspaceId, bytes) => new StreamedEvent(at, workspaceId, bytes),
    });
    for (const event of events) options.offer(event);
    position = behind(message.seq);
    return events.length;
  };
  const run = async (): Promise<void> => {
    let sinceTurn = 0;
    while (!closing.signal.aborted) {
      const message = reader.take();
      if (message === undefined) {
        sinceTurn = 0;
        await reader.wait(LOOK_MS, closing.signal);
        continue;
      }
      sinceTurn += show(message) + 1;
      if (sinceTurn < TURN_EVENTS) continue;
      sinceTurn = 0;
      await turn();
    }
    await reader.close();
  };
  const running = run().catch((error: unknown) => log.error({ err: error }, 'the tail of the stream ended'));

  return {
    get position() {
      return position;
    },
    recent: (after) => (after.seq >= position.seq ? [] : recent.from(nextSeq(after))),
    async close() {
      closing.abort();
      await running;
    },
  };
}
