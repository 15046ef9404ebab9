import { setImmediate as turn } from 'node:timers/promises';
import { type Logger, toMillraceError } from '@millrace/runtime';
import { behind, createRecentKeys, isFurther, nextSeq, type Position, RecentMessages } from '@millrace/wire';
import { Audience, type ReaderGroup } from './audience.ts';
import type { EventFeed, FeedMessage, FeedReader, TailMetrics } from './ports.ts';
import { eventsIn, type TailEvent } from './tail-event.ts';
import type { TailReader, Waiting } from './tail-reader.ts';

/** The one reader of the stream for all tails of a process. It runs while somebody tails. */
export interface TailHub {
  /** The stream that is read, and how far; undefined while nobody tails. */
  readonly at: { readonly streamId: string; readonly position: Position } | undefined;
  /** Begins to read behind what the stream held when it was asked, unless it reads it already. */
  start(state: { readonly id: string; readonly lastSeq: number }): void;
  /** Shows a reader what comes behind what it has seen, which must be no less than what the hub has. */
  attach(reader: TailReader): void;
  /** Counts a reader among those whose waiting events are bounded together. */
  join(reader: TailReader): void;
  leave(reader: TailReader): void;
  /** Ends the tail of a reader who takes too little. */
  drop(reader: TailReader): void;
  /** The messages behind a position, if they were read not long ago. */
  recent(after: Position): readonly FeedMessage[] | undefined;
  /** A message's events of one workspace. */
  eventsOf(workspaceId: string, message: FeedMessage): TailEvent[];
  /** Offers a message's events to a reader that catches up. */
  show(reader: TailReader, message: FeedMessage): void;
  /** Ends every tail that is attached, and the reading. */
  stop(): void;
  /** Resolves when nothing is read any more. */
  stopped(): Promise<void>;
}

/** Longest wait for a message, in milliseconds, before the hub looks whether it is still needed. */
const LOOK_MS = 1_000;
/** Looks without a message between two checks that the stream is still the one that is read. */
const LOOKS_PER_CHECK = 15;
/** Events after which readers who are behind get a turn. */
const TURN_EVENTS = 100;
/** What may wait for all readers together, in bytes. */
const MAX_WAITING_BYTES = 128 * 1024 * 1024;

interface Reading {
  readonly streamId: string;
  readonly reader: FeedReader;
  readonly stop: AbortController;
  position: Position;
  readonly recent: RecentMessages;
}

/** Makes a hub that reads nothing yet. `all` counts what waits for its readers. */
export function createTailHub(options: {
  feed: EventFeed;
  metrics: Pick<TailMetrics, 'dropped'>;
  all: Waiting;
  /** Told of a reader that can't follow: it is detached, and must catch up. */
  lags: (reader: TailReader) => void;
  log: Logger;
}): TailHub {
  const { feed, metrics, all, log } = options;
  const joined = new Set<TailReader>();
  /** Those who are attached, by workspace. */
  const readers = new Map<string, Audience>();
  const keys = createRecentKeys();
  let reading: Reading | undefined;
  let running: Promise<void> = Promise.resolve();

  const attached = () => [...readers.values()].flatMap(({ all: some }) => [...some]);

  const drop = (reader: TailReader): void => {
    metrics.dropped('slow_reader');
    log.info({ workspaceId: reader.workspaceId, ...reader.waiting }, 'a reader of the tail is too slow');
    reader.end('slow_reader');
    leave(reader);
  };

  const leave = (reader: TailReader): void => {
    joined.delete(reader);
    detach(reader);
  };

  const detach = (reader: TailReader): void => {
    reader.follow(undefined);
    const some = readers.get(reader.workspaceId);
    some?.delete(reader);
    if (some?.all.size === 0) readers.delete(reader.workspaceId);
  };

  const offer = (to: Iterable<ReaderGroup>, event: TailEvent): boolean => {
    let behindOnes = false;
    for (const { accepts, readers: some } of to) {
      let isAccepted = false;
      try {
        isAccepted = accepts(event);
      } catch (error) {
        // Their own filter can't be applied: that is nobody else's business.
        for (const reader of some) {
          reader.fail(toMillraceError(error));
          leave(reader);
        }
      }
      for (const reader of some) {
        reader.offer(event, isAccepted);
        if (reader.isFull) {
          detach(reader);
          options.lags(reader);
        }
        behindOnes ||= reader.isBehind;
      }
    }
    return behindOnes;
  };

  const dropFullest = (): void => {
    if (all.bytes <= MAX_WAITING_BYTES) return;
    let fullest: TailReader | undefined;
    for (const reader of joined) {
      if (reader.waiting.bytes > (fullest?.waiting.bytes ?? 0)) fullest = reader;
    }
    if (fullest) drop(fullest);
  };

  /** Gives readers who are behind a turn now and then, so that a burst alone doesn't detach them. */
  const spread = async (now: Reading, message: FeedMessage): Promise<void> => {
    if (message.seq > now.position.seq + 1) {
      const missing = behind(message.seq - 1);
      for (const reader of attached()) {
        if (isFurther(missing, reader.seenTo)) reader.offerGap('trimmed', missing);
      }
    }
    now.recent.add(message);
    let sinceTurn = 0;
    let behindOnes = false;
    const isWanted = (workspaceId: string) => readers.has(workspaceId);
    for (const event of eventsIn(message, { id: now.streamId, keys, isWanted })) {
      now.position = event.position;
      behindOnes = offer(readers.get(event.workspaceId)?.of(event) ?? [], event) || behindOnes;
      dropFullest();
      if (++sinceTurn < TURN_EVENTS || !behindOnes) continue;
      sinceTurn = 0;
      behindOnes = false;
      await turn();
    }
    now.position = behind(message.seq);
    if (behindOnes) await turn();
  };

  const isReplaced = async (now: Reading): Promise<boolean> => {
    try {
      const { id, lastSeq } = await feed.state();
      return id !== now.streamId || lastSeq < now.position.seq;
    } catch (error) {
      log.debug({ err: error }, 'stream state not available');
      return false;
    }
  };

  const run = async (now: Reading): Promise<void> => {
    const { signal } = now.stop;
    let looks = 0;
    while (!signal.aborted) {
      const message = now.reader.take();
      if (message) {
        looks = 0;
        await spread(now, message);
        continue;
      }
      await now.reader.wait(LOOK_MS, signal);
      if (++looks < LOOKS_PER_CHECK) continue;
      looks = 0;
      if (await isReplaced(now)) stop(now);
    }
    await now.reader.close();
  };

  /** Whoever is still attached comes again, and learns then what happened. */
  const stop = (now: Reading): void => {
    now.stop.abort();
    if (reading !== now) return;
    reading = undefined;
    for (const reader of joined) {
      reader.end('draining');
      leave(reader);
    }
  };

  const eventsOf = (workspaceId: string, message: FeedMessage): TailEvent[] => {
    if (reading === undefined) return [];
    const isWanted = (other: string) => other === workspaceId;
    return eventsIn(message, { id: reading.streamId, keys, isWanted });
  };

  return {
    get at() {
      return reading;
    },
    start({ id, lastSeq }) {
      if (reading !== undefined && reading.streamId !== id) stop(reading);
      if (reading !== undefined) return;
      const now: Reading = {
        streamId: id,
        reader: feed.follow(lastSeq),
        stop: new AbortController(),
        position: behind(lastSeq),
        recent: new RecentMessages(),
      };
      reading = now;
      running = run(now).catch((error: unknown) => {
        log.error({ err: error }, 'the tail of the stream ended');
        stop(now);
      });
    },
    attach(reader) {
      if (reading === undefined) return reader.end('draining');
      const some = readers.get(reader.workspaceId) ?? new Audience();
      readers.set(reader.workspaceId, some);
      some.add(reader);
      reader.follow(() => reading?.position);
    },
    join: (reader) => void joined.add(reader),
    leave,
    drop,
    recent(after) {
      if (reading === undefined) return undefined;
      if (!isFurther(reading.position, after)) return [];
      return reading.recent.from(nextSeq(after));
    },
    eventsOf,
    show(reader, message) {
      for (const event of eventsOf(reader.workspaceId, message)) reader.offer(event);
      if (isFurther(behind(message.seq), reader.seenTo)) reader.seenTo = behind(message.seq);
      dropFullest();
    },
    stop() {
      if (reading) stop(reading);
    },
    stopped: () => running,
  };
}
