import { createLogger, MillraceError } from '@millrace/runtime';
import { encodeEvent, frameItem } from '@millrace/wire';
import type { EventFeed, FeedMessage, FeedReader, TailMetrics } from '../src/tail/ports.ts';
import { createTail, type Tail, type TailRequest } from '../src/tail/tail.ts';
import type { Told } from '../src/tail/tail-reader.ts';

/** An event of a test; what isn't given is made up. */
export interface NewEvent {
  readonly id: string;
  readonly workspaceId?: string;
  readonly type?: string;
  readonly userId?: string;
  /** Copies have the same. */
  readonly key?: string;
  readonly payload?: string;
  readonly receivedAtMs?: number;
}

/** An envelope as ingest writes it. */
export function envelopeOf(events: readonly NewEvent[]): Buffer {
  return Buffer.concat(
    events.map(
      ({ id, workspaceId = 'w', type = 't', userId = '', key = '', payload = '{}', receivedAtMs = 0 }) => {
        const dedupKey = key === '' ? '' : key.padEnd(16, '.');
        const fields = { workspaceId, eventId: id, eventType: type, dialect: 'native', source: '', userId };
        const rest = { sessionId: '', occurredAtMs: 0, receivedAtMs, priority: 1, labels: [] };
        const event = encodeEvent({ ...fields, ...rest, payload, metadata: '{}', traceId: '' }, dedupKey);
        return frameItem({ event: Buffer.from(event), dedupKey, bodyHash: '12345678', eventId: id });
      },
    ),
  );
}

/** The stream in memory. */
export interface FakeFeed extends EventFeed {
  publish(events: readonly NewEvent[]): void;
  publishBytes(data: Buffer): void;
  /** Takes away what is up to a sequence, or only every second message of it. */
  trim(toSeq: number, which?: 'all' | 'even'): void;
  /** Another stream in its place. */
  replace(): void;
  /** From now on nothing can be asked. */
  away: boolean;
  /** Readers that are open. */
  readonly followers: number;
  /** Requests for ranges. */
  readonly reads: number;
}

/** Makes an empty one. */
export function createFakeFeed(): FakeFeed {
  let messages: FeedMessage[] = [];
  let id = 1;
  let lastSeq = 0;
  let followers = 0;
  let reads = 0;
  const wakes = new Set<() => void>();
  const wake = () => {
    for (const one of wakes) one();
    wakes.clear();
  };

  const follow = (afterSeq: number): FeedReader => {
    let at = afterSeq;
    followers++;
    const next = () => messages[firstBehind(messages, at)];
    return {
      take() {
        const message = next();
        if (message) at = message.seq;
        return message;
      },
      async wait(timeoutMs, signal) {
        if (next() || signal?.aborted) return;
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          const done = () => {
            clearTimeout(timer);
            resolve();
          };
          wakes.add(done);
          signal?.addEventListener('abort', done, { once: true });
        });
      },
      async close() {
        followers--;
      },
    };
  };

  return {
    away: false,
    get followers() {
      return followers;
    },
    get reads() {
      return reads;
    },
    async state() {
      if (this.away) throw new MillraceError('unavailable', 'away');
      const firstSeq = messages[0]?.seq ?? (lastSeq === 0 ? 0 : lastSeq + 1);
      return { id: `s${id}`, firstSeq, lastSeq };
    },
    follow,
    async read({ fromSeq, toSeq, maxMessages }) {
      reads++;
      await new Promise((resolve) => setImmediate(resolve));
      const first = firstBehind(messages, fromSeq - 1);
      return messages.slice(first, first + maxMessages).filter(({ seq }) => seq <= toSeq);
    },
    async readNewest({ onChunk }) {
      for (let end = messages.length; end > 0; end -= 10) {
        if (!onChunk(messages.slice(Math.max(0, end - 10), end))) return;
      }
    },
    publish(events) {
      this.publishBytes(envelopeOf(events));
    },
    publishBytes(data) {
      messages.push({ seq: ++lastSeq, data });
      wake();
    },
    trim(toSeq, which = 'all') {
      messages = messages.filter(({ seq }) => seq > toSeq || (which === 'even' && seq % 2 === 1));
    },
    replace() {
      messages = [];
      lastSeq = 0;
      id++;
    },
  };
}

/** A tail over a feed, and what it told of its work. */
export function tailOver(
  feed: EventFeed | undefined,
  changes: Partial<Omit<Parameters<typeof createTail>[0], 'feed'>> = {},
) {
  const told = { readers: 0, dropped: [] as string[] };
  const metrics: TailMetrics = {
    readers: (count) => {
      told.readers = count;
    },
    dropped: (reason) => told.dropped.push(reason),
  };
  const tail = createTail({
    feed: () => feed,
    metrics,
    maxReaders: 10_000,
    maxReadersPerWorkspace: 10_000,
    log: createLogger({ service: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' }),
    ...changes,
  });
  return { tail, told };
}

/** Somebody who tails. */
export interface Watcher {
  /** What was told, without `still`. */
  readonly told: (Told & { readonly cursor: string })[];
  /** The ids of the events that were shown. */
  ids(): string[];
  /** The newest cursor. */
  readonly cursor: string;
  /** Reads until so many events were shown in all, or it is told a gap or an end. */
  until(events: number): Promise<void>;
  /** Reads the next that is told. */
  next(): Promise<Told | undefined>;
  leave(): Promise<void>;
}

/** Opens a tail, and resolves when it has begun. */
export async function watch(
  tail: Tail,
  request: Partial<TailRequest> = {},
  closing = new AbortController().signal,
): Promise<Watcher> {
  const over = new AbortController();
  const stream = tail.read(
    { workspaceId: 'w', types: [], userId: '', after: '', last: 0, ...request },
    { signal: over.signal, closing },
  );
  const told: Watcher['told'] = [];
  const shown: string[] = [];
  let cursor = '';
  const next = async () => {
    const { value, done } = await stream.next();
    if (done) return undefined;
    cursor = value.cursor;
    if (value.kind !== 'still') told.push(value);
    if (value.kind === 'events') for (const { fields } of value.events) shown.push(fields.eventId);
    return value;
  };
  await next();
  return {
    told,
    ids: () => [...shown],
    get cursor() {
      return cursor;
    },
    async until(events) {
      while (shown.length < events) {
        const value = await next();
        if (value === undefined || value.kind === 'gap' || value.kind === 'end') return;
      }
    },
    next,
    async leave() {
      over.abort();
      await stream.return(undefined);
    },
  };
}

function firstBehind(messages: readonly FeedMessage[], afterSeq: number): number {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.seq ?? 0) > afterSeq) high = middle;
    else low = middle + 1;
  }
  return low;
}
