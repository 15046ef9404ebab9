import type { MillraceError } from '@millrace/runtime';
import { isFurther, type Position } from '@millrace/wire';
import type { TailEvent, TailFilter } from './tail-event.ts';

/** Why events may be missing. */
export type Gap = 'trimmed' | 'replaced';
/** Why a tail is over. */
export type End = 'slow_reader' | 'draining';

/** What a reader is told at a time; the position is behind all of it. */
export type Told =
  | { readonly kind: 'events'; readonly events: readonly TailEvent[]; readonly position: Position }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly position: Position }
  /** Nothing new. */
  | { readonly kind: 'still'; readonly position: Position }
  | { readonly kind: 'end'; readonly end: End; readonly position: Position };

/** What waits for readers: of one of them, or of all together. */
export interface Waiting {
  events: number;
  bytes: number;
}

/** What may wait for one reader before it has to catch up by itself. */
export const MAX_WAITING: Readonly<Waiting> = { events: 5_000, bytes: 2 * 1024 * 1024 };
/** What one answer has at most; a single event may be larger. */
const MAX_ANSWER: Readonly<Waiting> = { events: 200, bytes: 64 * 1024 };

type Item = TailEvent | { readonly gap: Gap; readonly position: Position };

/** One tail: what it wants to see, and what waits for it. */
export class TailReader {
  readonly workspaceId: string;
  readonly wants: TailFilter;
  /** Whether it is shown an event; the same for all who want the same. */
  readonly accepts: (event: TailEvent) => boolean;
  /** All up to here was looked at for it. */
  seenTo: Position;
  readonly waiting: Waiting = { events: 0, bytes: 0 };
  readonly #all: Waiting;
  #items: Item[] = [];
  #toldTo: Position;
  #end: End | undefined;
  #failure: MillraceError | undefined;
  #follows: (() => Position | undefined) | undefined;
  readonly #over = new AbortController();
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;

  constructor(options: {
    workspaceId: string;
    wants: TailFilter;
    begin: Position;
    accepts: (event: TailEvent) => boolean;
    /** Counts what waits for all readers. */
    all: Waiting;
  }) {
    this.workspaceId = options.workspaceId;
    this.wants = options.wants;
    this.seenTo = options.begin;
    this.#toldTo = options.begin;
    this.accepts = options.accepts;
    this.#all = options.all;
  }

  /** Whether it takes events more slowly than they come, so far. */
  get isBehind(): boolean {
    const { events, bytes } = this.waiting;
    return events > MAX_WAITING.events / 4 || bytes > MAX_WAITING.bytes / 4;
  }

  /** Whether more waits than may. */
  get isFull(): boolean {
    const { events, bytes } = this.waiting;
    return events > 1 && (events > MAX_WAITING.events || bytes > MAX_WAITING.bytes);
  }

  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Aborted when it is over. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** From now on everything up to this position, which moves, is offered to it; undefined for nothing. */
  follow(at: (() => Position | undefined) | undefined): void {
    this.#follows = at;
  }

  /**
   * Looks at an event that is behind all that was looked at before; another one was told already. `isAccepted` where that was found
   * out for others who want the same.
   */
  offer(event: TailEvent, isAccepted?: boolean): void {
    if (this.isOver || !isFurther(event.position, this.seenTo)) return;
    this.seenTo = event.done;
    if (isAccepted ?? this.accepts(event)) this.#add(event, event.bytes.length);
  }

  /** Tells that events may be missing between what was looked at and what comes. */
  offerGap(gap: Gap, position: Position): void {
    if (this.isOver) return;
    this.seenTo = position;
    this.#add({ gap, position }, 0);
  }

  /** Ends the tail; what waits is forgotten, and is told again to whoever resumes. */
  end(end: End): void {
    if (this.isOver) return;
    this.#end = end;
    this.#forget();
  }

  /** Ends the tail by a failure. */
  fail(error: MillraceError): void {
    if (this.isOver) return;
    this.#failure = error;
    this.#forget();
  }

  /** What there is to tell, or `still` when there is nothing for a while. Throws what it has failed by. */
  async next(whileMs: number, signal: AbortSignal): Promise<Told> {
    if (this.#items.length === 0 && !this.isOver) await this.#woken(whileMs, signal);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#end !== undefined) return { kind: 'end', end: this.#end, position: this.#toldTo };
    const told = this.#take();
    this.#toldTo = told.position;
    if (!this.isBehind) this.#drained?.();
    return told;
  }

  /** Resolves when little waits, or when the tail is over; with false when neither is so in time. */
  async drained(limitMs: number): Promise<boolean> {
    if (!this.isBehind || this.isOver) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), limitMs);
      this.#drained = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #take(): Told {
    const [first] = this.#items;
    if (first === undefined) {
      const at = this.#follows?.();
      // What it follows has offered it everything up to there.
      if (at !== undefined && isFurther(at, this.seenTo)) this.seenTo = at;
      return { kind: 'still', position: this.seenTo };
    }
    if ('gap' in first) {
      this.#items.shift();
      this.#count(-1, 0);
      return { kind: 'gap', ...first };
    }
    const events: TailEvent[] = [];
    let bytes = 0;
    for (const item of this.#items) {
      if ('gap' in item || events.length === MAX_ANSWER.events) break;
      if (events.length > 0 && bytes + item.bytes.length > MAX_ANSWER.bytes) break;
      events.push(item);
      bytes += item.bytes.length;
    }
    this.#items.splice(0, events.length);
    this.#count(-events.length, -bytes);
    return { kind: 'events', events, position: events.at(-1)?.done ?? this.#toldTo };
  }

  #add(item: Item, bytes: number): void {
    this.#items.push(item);
    this.#count(1, bytes);
    this.#wake?.();
  }

  #forget(): void {
    this.#over.abort();
    this.#items = [];
    this.#count(-this.waiting.events, -this.waiting.bytes);
    this.#wake?.();
    this.#drained?.();
  }

  #count(events: number, bytes: number): void {
    this.waiting.events += events;
    this.waiting.bytes += bytes;
    this.#all.events += events;
    this.#all.bytes += bytes;
  }

  async #woken(whileMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(wake, whileMs);
      signal.addEventListener('abort', wake, { once: true });
      this.#wake = wake;
    });
  }
}
