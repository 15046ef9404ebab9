import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, type Logger, toMillraceError } from '@millrace/runtime';
import {
  before,
  behind,
  isFurther,
  nextSeq,
  type Position,
  type RecentKeys,
  type StreamedMessage,
} from '@millrace/wire';
import type { Lane } from './lane.ts';
import { createOpenedMessages } from './opened-messages.ts';
import type { EventFeed, StoredLog } from './ports.ts';
import { StreamedEvent } from './streamed-event.ts';
import type { Tail } from './tail.ts';

/** Brings endpoints that are behind to the tail: those who are near one another read together. */
export interface CatchUp {
  /** A lane has got room, or has fallen behind. */
  wake(): void;
  /** Offers a lane an event; one that can't take it has fallen behind. */
  offer(lane: Lane, event: StreamedEvent): boolean;
  close(): Promise<void>;
}

/** What is read at once. */
const CHUNK = { maxMessages: 500, maxBytes: 4 * 1024 * 1024 };
const STORED_EVENTS = 500;
const READ_TIMEOUT_MS = 30_000;
const ASKED_AT_ONCE = 8;
const LOOK_MS = 1_000;
const RETRY_MS = 500;

/** Starts to look after lanes. A lane is behind while it has a position. */
export function startCatchUp(options: {
  reads: Pick<EventFeed, 'read'>;
  state: EventFeed['state'];
  stored: StoredLog;
  tail: () => Tail;
  lanes: () => Iterable<Lane>;
  /** The lanes that want an event, whether or not they are behind. */
  matching: (event: StreamedEvent) => readonly Lane[];
  isWanted: (workspaceId: string) => boolean;
  isRetried: (deliveryId: string) => boolean;
  /** A lane has something to do. */
  onOffered: (lane: Lane) => void;
  keys: RecentKeys;
  clock: Clock;
  log: Logger;
}): CatchUp {
  const { reads, stored, tail, clock, log } = options;
  const closing = new AbortController();
  const closed = new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve()));
  let woken = Promise.withResolvers<void>();

  const offer = (lane: Lane, event: StreamedEvent): boolean => {
    if (!lane.offer(event, options.isRetried)) {
      lane.position ??= before(event.position);
      return false;
    }
    options.onOffered(lane);
    return true;
  };

  /** Offers events in order to lanes that have read everything in front of the first; answers those that could take all. */
  const spread = (events: readonly StreamedEvent[], readers: ReadonlySet<Lane>): Set<Lane> => {
    const able = new Set(readers);
    for (const event of events) {
      if (able.size === 0) break;
      for (const lane of options.matching(event)) {
        if (!able.has(lane) || !lane.isBehind(event.position) || offer(lane, event)) continue;
        lane.position = before(event.position);
        able.delete(lane);
      }
    }
    return able;
  };
  const eventsOf = createOpenedMessages(options);
  /** Messages in order, as far as anybody can take them. */
  const spreadAll = (messages: readonly StreamedMessage[], readers: ReadonlySet<Lane>): Set<Lane> => {
    let able = new Set(readers);
    for (const message of messages) {
      if (able.size === 0) break;
      able = spread(eventsOf(message), able);
    }
    return able;
  };
  const move = (lanes: Iterable<Lane>, to: Position): void => {
    for (const lane of lanes) if (lane.isBehind(to)) lane.position = to;
  };
  const ready = (): Lane[] =>
    [...options.lanes()].filter((lane) => lane.position !== undefined && lane.hasRoom);

  /** From memory, in one turn: whoever takes all of it follows the tail from now on. */
  const join = (lanes: readonly Lane[]): void => {
    for (const [seq, some] of Map.groupBy(lanes, ({ position }) => nextSeq(position ?? tail().position))) {
      const messages = tail().recent(behind(seq - 1));
      if (messages === undefined) continue;
      for (const lane of spreadAll(messages, new Set(some))) lane.position = undefined;
    }
  };

  /** Endpoints of which it is being asked what was attempted before. */
  const asking = new Set<Lane>();
  const askedAtMs = new WeakMap<Lane, number>();
  /** When nobody can tell for long, events are delivered again rather than not at all. */
  const ask = async (lane: Lane): Promise<void> => {
    const { known, endpoint } = lane;
    if (known === undefined) return;
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    try {
      const after = behind(lane.cursor(tail().position));
      const deliveries = await stored.knownDeliveries({ endpoint, after }, signal);
      if (lane.known === known) lane.known = { ...known, deliveries };
      lane.isStuck = false;
    } catch (error) {
      if (closing.signal.aborted) return;
      const isLate = clock.now() >= known.untilMs;
      log.warn(
        { err: toMillraceError(error), endpointId: endpoint.id, isLate },
        'earlier attempts are not known',
      );
      if (!isLate) return;
      lane.known = { ...known, deliveries: new Map() };
      lane.isStuck = false;
    }
  };
  /** Beside the others: one that nobody can tell of holds up none of them. */
  const askOfStuck = (lanes: readonly Lane[]): void => {
    for (const lane of lanes) {
      if (asking.size >= ASKED_AT_ONCE) return;
      if (!lane.isStuck || asking.has(lane) || clock.now() - (askedAtMs.get(lane) ?? 0) < RETRY_MS) continue;
      asking.add(lane);
      askedAtMs.set(lane, clock.now());
      void ask(lane).then(() => {
        asking.delete(lane);
        if (!lane.isStuck) woken.resolve();
      });
    }
  };

  /** A chunk from the lowest position on, for all who have come to it. */
  const readOn = async (lanes: readonly Lane[]): Promise<void> => {
    const lowest = lanes.reduce((least, lane) => (isLower(lane, least) ? lane : least));
    const fromSeq = nextSeq(lowest.position ?? tail().position);
    const toSeq = tail().position.seq;
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
    const messages = await reads.read({ fromSeq, toSeq, ...CHUNK, signal });
    const first = messages[0]?.seq ?? toSeq + 1;
    if (first > fromSeq) {
      const { firstSeq } = await options.state();
      if (firstSeq > fromSeq) return readStored(lanes, firstSeq - 1, signal);
    }
    const through = messages.at(-1)?.seq ?? toSeq;
    // As they are now: meanwhile some may have come or gone, or been put back.
    const able = new Set(
      ready().filter(({ position }) => position !== undefined && nextSeq(position) >= fromSeq),
    );
    move(spreadAll(messages, able), behind(through));
  };

  /** What has left the stream, workspace by workspace. */
  const readStored = async (lanes: readonly Lane[], toSeq: number, signal: AbortSignal): Promise<void> => {
    const behindIt = lanes.filter((lane) => lane.isBehind(behind(toSeq)));
    for (const [workspaceId, some] of Map.groupBy(behindIt, ({ endpoint }) => endpoint.workspaceId)) {
      const lowest = some.reduce((least, lane) => (isLower(lane, least) ? lane : least));
      if (lowest.position === undefined) continue;
      const span = { workspaceId, after: lowest.position, toSeq, maxEvents: STORED_EVENTS };
      const { events, more } = await stored.readEvents(span, signal);
      const from = span.after;
      const readers = some.filter(({ position }) => position !== undefined && !isFurther(from, position));
      const able = spread(
        events.map(({ position, bytes }) => new StreamedEvent(position, workspaceId, bytes)),
        new Set(readers.filter((lane) => lane.hasRoom)),
      );
      const last = events.at(-1)?.position;
      move(able, more && last !== undefined ? last : behind(toSeq));
    }
  };

  const step = async (): Promise<boolean> => {
    if (!tail().isReading) return false;
    const lanes = ready();
    askOfStuck(lanes);
    join(lanes);
    const rest = lanes.filter((lane) => lane.position !== undefined && lane.hasRoom && !lane.isStuck);
    if (rest.length === 0) return false;
    await readOn(rest);
    return true;
  };

  const run = async (): Promise<void> => {
    let isFailing = false;
    while (!closing.signal.aborted) {
      const work = Promise.withResolvers<void>();
      woken = work;
      try {
        if (await step()) await turn();
        else await within(work.promise, LOOK_MS);
        isFailing = false;
      } catch (error) {
        if (closing.signal.aborted) return;
        if (!isFailing)
          log.warn({ err: toMillraceError(error) }, 'endpoints that are behind can not read on');
        isFailing = true;
        await within(closed, RETRY_MS);
      }
    }
  };
  const running = run();

  return {
    wake: () => woken.resolve(),
    offer,
    async close() {
      closing.abort();
      woken.resolve();
      await running;
    },
  };
}

function isLower(lane: Lane, than: Lane): boolean {
  return (
    lane.position !== undefined && than.position !== undefined && isFurther(than.position, lane.position)
  );
}

/** Resolves when something has happened, or when the time is over. */
async function within(something: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([something, enough]);
  clearTimeout(timer);
}
