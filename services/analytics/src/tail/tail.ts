import { fieldError, type Logger, MillraceError, toMillraceError } from '@millrace/runtime';
import { behind, isFurther, type Position } from '@millrace/wire';
import { createCatchUp } from './catch-up.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { createTailHub } from './hub.ts';
import type { EventFeed, TailMetrics } from './ports.ts';
import { compileFilter, type TailEvent, type TailFilter } from './tail-event.ts';
import { type Gap, TailReader, type Told, type Waiting } from './tail-reader.ts';

/** What a tail asks for. */
export interface TailRequest extends TailFilter {
  readonly workspaceId: string;
  /** A cursor; empty for now. */
  readonly after: string;
  /** Without a cursor, how many events from before to begin with. */
  readonly last: number;
}

/** Shows events as they reach the stream. */
export interface Tail {
  /**
   * Begins with `still`: from then on nothing is missed. Goes on until it has told an end, or the signal aborts. Throws
   * MillraceError `unavailable`, `resource_exhausted`, or `invalid_argument` naming the field.
   */
  read(
    request: TailRequest,
    signals: { readonly signal: AbortSignal; readonly closing: AbortSignal },
  ): AsyncGenerator<Told & { readonly cursor: string }>;
  /** What waits for readers, in all. */
  readonly waiting: Readonly<Waiting>;
  close(): Promise<void>;
}

const MAX_LAST = 1_000;
/** Longest silence, in milliseconds. */
const STILL_MS = 15_000;
/** How long a reader may leave what waits for it, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Makes the tail of a process; the stream is read while somebody tails. */
export function createTail(options: {
  /** Undefined until NATS is there. */
  feed: () => EventFeed | undefined;
  /** Waits for it for a while: a process that has just started is about to have it. */
  untilFeed?: (signal: AbortSignal) => Promise<void>;
  metrics: TailMetrics;
  /** Of events that are in the stream still, those that nobody is shown any more. */
  isErased?: (event: TailEvent) => boolean;
  maxReaders: number;
  maxReadersPerWorkspace: number;
  log: Logger;
  stillMs?: number;
  patienceMs?: number;
}): Tail {
  const { metrics, maxReaders, maxReadersPerWorkspace, log } = options;
  const { stillMs = STILL_MS, patienceMs = PATIENCE_MS, isErased = () => false } = options;
  const perWorkspace = new Map<string, number>();
  const waiting: Waiting = { events: 0, bytes: 0 };
  let readers = 0;
  let built: ReturnType<typeof build> | undefined;
  const build = (feed: EventFeed) => {
    const hub = createTailHub({ feed, metrics, all: waiting, lags: (reader) => follow(reader), log });
    const catchUp = createCatchUp({ feed, hub, patienceMs });
    const follow = (reader: TailReader) => {
      catchUp.run(reader).catch((error: unknown) => reader.fail(toMillraceError(error)));
    };
    return { hub, catchUp, follow };
  };

  const enter = (workspaceId: string): (() => void) => {
    const own = perWorkspace.get(workspaceId) ?? 0;
    if (own >= maxReadersPerWorkspace) {
      const limit = `a workspace has at most ${maxReadersPerWorkspace} tails`;
      throw new MillraceError('resource_exhausted', limit);
    }
    if (readers >= maxReaders) throw new MillraceError('unavailable', 'too many tails, try again');
    perWorkspace.set(workspaceId, own + 1);
    metrics.readers(++readers);
    return () => {
      const left = (perWorkspace.get(workspaceId) ?? 1) - 1;
      if (left === 0) perWorkspace.delete(workspaceId);
      else perWorkspace.set(workspaceId, left);
      metrics.readers(--readers);
      if (readers === 0) built?.hub.stop();
    };
  };

  return {
    async *read(request, { signal, closing }) {
      const { workspaceId, after, last } = request;
      if (workspaceId === '') throw fieldError('workspace_id', 'is required');
      if (last > MAX_LAST) throw fieldError('last', `at most ${MAX_LAST}`);
      const wants = compileFilter(request);
      const accepts = (event: TailEvent) => wants(event) && !isErased(event);
      const cursor = after === '' ? undefined : decodeCursor(after);
      if (options.feed() === undefined) await options.untilFeed?.(signal);
      const feed = options.feed();
      if (feed === undefined) throw new MillraceError('unavailable', 'events can not be read now');
      built ??= build(feed);
      const { hub, catchUp, follow } = built;
      const leave = enter(workspaceId);
      const over = new AbortController();
      let reader: TailReader | undefined;
      const drain = () => reader?.end('draining');
      try {
        const state = await feed.state();
        hub.start(state);
        const start = beginning(cursor, state, hub.at?.position);
        const begin =
          cursor === undefined && last > 0
            ? await catchUp.rewind({ workspaceId, last, accepts, signal: over.signal })
            : undefined;
        const place = { begin: begin ?? start.position, all: waiting };
        const joined = new TailReader({ workspaceId, wants: request, accepts, ...place });
        reader = joined;
        hub.join(joined);
        if (start.gap !== undefined) joined.offerGap(start.gap, start.position);
        follow(joined);
        closing.addEventListener('abort', drain, { once: true });
        if (closing.aborted) drain();
        yield { kind: 'still', position: reader.seenTo, cursor: encodeCursor(state.id, reader.seenTo) };
        while (!signal.aborted) {
          const told = await reader.next(stillMs, signal);
          yield { ...told, cursor: encodeCursor(state.id, told.position) };
          if (told.kind === 'end') return;
        }
      } finally {
        closing.removeEventListener('abort', drain);
        over.abort();
        if (reader) {
          hub.leave(reader);
          reader.end('draining');
        }
        leave();
      }
    },
    waiting,
    async close() {
      built?.hub.stop();
      await built?.hub.stopped();
    },
  };
}

/** Where a tail begins, and why it may miss events. */
function beginning(
  cursor: ReturnType<typeof decodeCursor> | undefined,
  state: { readonly id: string; readonly firstSeq: number; readonly lastSeq: number },
  at: Position | undefined,
): { position: Position; gap?: Gap } {
  const now = behind(state.lastSeq);
  if (cursor === undefined) return { position: at !== undefined && isFurther(at, now) ? at : now };
  const oldest = behind(Math.max(0, state.firstSeq - 1));
  if (cursor.streamId !== state.id) return { position: oldest, gap: 'replaced' };
  if (cursor.position.seq > state.lastSeq && !(at && cursor.position.seq <= at.seq)) {
    return { position: now, gap: 'replaced' };
  }
  if (cursor.position.seq < oldest.seq) return { position: oldest, gap: 'trimmed' };
  return { position: cursor.position };
}
