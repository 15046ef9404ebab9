import { before, behind, nextSeq, type Position } from '@millrace/wire';
import type { TailHub } from './hub.ts';
import type { EventFeed, FeedMessage } from './ports.ts';
import type { TailEvent } from './tail-event.ts';
import type { TailReader } from './tail-reader.ts';

/** What is asked of the stream at once. */
const CHUNK = { maxMessages: 64, maxBytes: 1024 * 1024 };
/** Requests that run at once: many who come again together must not crowd out the others. */
const MAX_REQUESTS = 4;
/** How far back a tail without a cursor may look, in bytes. */
const MAX_BACK_BYTES = 8 * 1024 * 1024;

/** Brings readers who begin in the past to where the hub is. */
export interface CatchUp {
  /**
   * Offers a reader what is behind what it has seen, at its own pace, until it can follow the hub; then attaches it. One that
   * doesn't take what waits for it in time is dropped.
   */
  run(reader: TailReader): Promise<void>;
  /** The position in front of the last events that a reader would have been shown, as far as they are near. */
  rewind(request: {
    workspaceId: string;
    last: number;
    accepts: (event: TailEvent) => boolean;
    signal: AbortSignal;
  }): Promise<Position | undefined>;
}

/** Makes one for the readers of a hub. */
export function createCatchUp(options: { feed: EventFeed; hub: TailHub; patienceMs: number }): CatchUp {
  const { feed, hub } = options;
  const queue: (() => void)[] = [];
  let requests = 0;

  const inTurn = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (requests >= MAX_REQUESTS) await new Promise<void>((resolve) => queue.push(resolve));
    else requests++;
    try {
      return await ask();
    } finally {
      const next = queue.shift();
      if (next) next();
      else requests--;
    }
  };

  const show = (reader: TailReader, message: FeedMessage): void => {
    if (message.seq > nextSeq(reader.seenTo)) reader.offerGap('trimmed', behind(message.seq - 1));
    hub.show(reader, message);
  };

  return {
    async run(reader) {
      while (!reader.isOver) {
        if (!(await reader.drained(options.patienceMs))) return hub.drop(reader);
        const at = hub.at;
        if (at === undefined) return reader.end('draining');
        const near = hub.recent(reader.seenTo);
        if (near !== undefined) {
          for (const message of near) {
            if (reader.isBehind) break;
            show(reader, message);
          }
          // Nothing has come between: all this was one turn.
          if (!reader.isBehind) return hub.attach(reader);
          continue;
        }
        const toSeq = at.position.seq;
        const request = { fromSeq: nextSeq(reader.seenTo), toSeq, ...CHUNK, signal: reader.over };
        const messages = await inTurn(() => feed.read(request));
        for (const message of messages) show(reader, message);
        if (messages.length === 0) reader.offerGap('trimmed', behind(toSeq));
      }
    },

    async rewind({ workspaceId, last, accepts, signal }) {
      const found: Position[] = [];
      await inTurn(() =>
        feed.readNewest({
          maxBytes: MAX_BACK_BYTES,
          signal,
          onChunk(messages) {
            const older = messages.flatMap((message) => {
              const events = hub.eventsOf(workspaceId, message);
              return events.filter((event) => accepts(event)).map((event) => event.position);
            });
            found.unshift(...older);
            return found.length < last;
          },
        }),
      );
      const first = found.at(-last) ?? found[0];
      return first && before(first);
    },
  };
}
