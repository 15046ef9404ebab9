import { setTimeout as sleep } from 'node:timers/promises';
import {
  TailEnd,
  type TailEventsResponse,
  type TailedEvent,
  TailGap,
} from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Health, MillraceError } from '@millrace/runtime';
import type { EventTail, TailQuestion } from '../../clients/analytics-streams.ts';
import type { CredentialVerifier } from '../../clients/credentials.ts';
import type { SharedEvent, SharedEvents } from './shared-events.ts';

/** Why events may be missing. */
export type GapReason = 'trimmed' | 'replaced';
/** Why a tail is over. */
export type EndReason = 'slow_reader' | 'draining' | 'unavailable' | 'unauthenticated' | 'permission_denied';

/** What a tail shows at a time, events as many as waited; the cursor is behind it. */
export type Shown = { readonly cursor: string } & (
  | { readonly kind: 'events'; readonly events: readonly SharedEvent[] }
  | { readonly kind: 'gap'; readonly reason: GapReason }
  | { readonly kind: 'end'; readonly reason: EndReason }
  /** The tail has begun, or there was nothing to show for a while. */
  | { readonly kind: 'still' }
);

/** What tails work with, whichever protocol they are read by. */
export interface TailDeps {
  readonly events: EventTail;
  readonly shared: SharedEvents;
  readonly credentials: CredentialVerifier;
  readonly health: Pick<Health, 'draining'>;
}

/** How often it is looked whether the reader still may read, and the server still serves, in milliseconds. */
const LOOK_MS = 1_000;
/** Looks in a row at which nobody can tell, before the tail ends. */
const MAX_UNANSWERED = 5;
/** Tries to go on when analytics goes away: half a minute in all, in which a busy machine starts it again. */
const MAX_TRIES = 18;
/** The pauses before them in milliseconds, each twice as long as the one before. */
const PAUSES = { firstMs: 100, longestMs: 2_000 };

const GAPS = new Map<TailGap, GapReason>([
  [TailGap.TRIMMED, 'trimmed'],
  [TailGap.REPLACED, 'replaced'],
]);

/**
 * Shows a workspace's events until it has told an end, or the signal aborts. When analytics goes away it goes on after the last
 * cursor, and its reader sees nothing of it. Until the first `still` it throws MillraceError as the service does.
 */
export async function* showEvents(
  question: TailQuestion,
  options: {
    tail: Pick<TailDeps, 'events' | 'shared' | 'health'>;
    /** Why the reader may read no more; fails while nobody can tell. */
    refusal: () => Promise<'unauthenticated' | 'permission_denied' | undefined>;
    signal: AbortSignal;
    lookMs?: number;
    pauses?: typeof PAUSES;
  },
): AsyncGenerator<Shown> {
  const { tail, signal } = options;
  const over = new AbortController();
  const leave = () => over.abort();
  const read = (told: TailedEvent) => tail.shared.read(question.workspaceId, told);
  let ending: EndReason | undefined;
  const refusal = createRefusalWatch(options.refusal);
  const look = async () => {
    const reason = tail.health.draining ? 'draining' : await refusal();
    if (reason === undefined) return;
    ending ??= reason;
    over.abort();
  };
  const timer = setInterval(look, options.lookMs ?? LOOK_MS);
  signal.addEventListener('abort', leave, { once: true });
  let cursor: string | undefined;
  let failures = 0;
  try {
    while (!signal.aborted) {
      const next = cursor === undefined ? question : { ...question, after: cursor, last: 0 };
      try {
        let answers = 0;
        for await (const response of tail.events.tailEvents(next, over.signal)) {
          // That it has begun is not yet that it works.
          if (++answers > 1) failures = 0;
          for (const shown of shownIn(response, read)) {
            if (ending !== undefined) break;
            cursor = shown.cursor;
            if (shown.kind === 'end' && shown.reason === 'draining') break;
            yield shown;
            if (shown.kind === 'end') return;
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        if (ending === undefined && (cursor === undefined || !isPassing(error))) throw error;
      }
      if (ending === undefined && ++failures > MAX_TRIES) ending = 'unavailable';
      if (ending !== undefined)
        return yield { kind: 'end', reason: ending, cursor: cursor ?? question.after };
      const { firstMs, longestMs } = options.pauses ?? PAUSES;
      const pauseMs = Math.min(firstMs * 2 ** (failures - 1), longestMs);
      await sleep(pauseMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', leave);
    over.abort();
  }
}

/** Why the reader may read no more, or that nobody could tell for a while; one question at a time. */
function createRefusalWatch(ask: () => Promise<EndReason | undefined>): () => Promise<EndReason | undefined> {
  let unanswered = 0;
  let isAsking = false;
  return async () => {
    if (isAsking) return undefined;
    isAsking = true;
    try {
      const reason = await ask();
      unanswered = 0;
      return reason;
    } catch {
      // A known credential is good for a minute without auth, and requests are refused after it.
      return ++unanswered > MAX_UNANSWERED ? 'unavailable' : undefined;
    } finally {
      isAsking = false;
    }
  };
}

function* shownIn(
  { events: told, cursor, gap, end }: TailEventsResponse,
  read: (told: TailedEvent) => SharedEvent | undefined,
): Generator<Shown> {
  const reason = GAPS.get(gap);
  if (reason !== undefined) yield { kind: 'gap', reason, cursor };
  const events = told.map(read).filter((event) => event !== undefined);
  const last = events.at(-1);
  if (last !== undefined) yield { kind: 'events', events, cursor: last.cursor };
  if (end !== TailEnd.UNSPECIFIED) {
    yield { kind: 'end', reason: end === TailEnd.SLOW_READER ? 'slow_reader' : 'draining', cursor };
  } else if (told.length === 0 && reason === undefined) yield { kind: 'still', cursor };
}

/** Whether a failure is of one process only, or of a moment. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof MillraceError)) return false;
  return ['unavailable', 'deadline_exceeded', 'canceled', 'resource_exhausted', 'internal'].includes(
    error.code,
  );
}
