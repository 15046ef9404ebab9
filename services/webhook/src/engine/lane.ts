import type { Clock } from '@millrace/runtime';
import type { Lease } from '@millrace/stores';
import { before, isFurther, type Position, WHOLE } from '@millrace/wire';
import { type EndpointRecord, failingSince, targetAddress } from '../endpoints/endpoint-record.ts';
import type { LiveEndpoint } from '../endpoints/live-endpoint.ts';
import { Breaker, type Passage } from './breaker.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { Delivery, KnownDelivery } from './delivery.ts';
import { Rate } from './rate.ts';
import type { StreamedEvent } from './streamed-event.ts';

/** Deliveries that wait in memory for one endpoint; what comes behind them is read again later. */
const MAX_QUEUED = 32;
/** Attempts that are made and not yet recorded. */
const MAX_UNRECORDED = 256;

/** What may have been attempted before a process had an endpoint. */
export interface KnownBefore {
  /** Events up to here. */
  readonly throughSeq: number;
  /** Until when the answer is waited for, in milliseconds since 1970: then events are delivered, perhaps once more. */
  readonly untilMs: number;
  /** By delivery; undefined until it has been asked for. */
  readonly deliveries?: ReadonlyMap<string, KnownDelivery>;
}

/** What a lane wants to do. */
export type Step =
  | { readonly kind: 'start'; readonly delivery: Delivery; readonly passage: Passage }
  /** Nothing until something happens to it. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'wait'; readonly ms: number };

const IDLE: Step = { kind: 'idle' };

/**
 * One endpoint as a cursor over the stream: what waits for it, what is under way, and how far everything is done. Costs its neighbours
 * nothing: one that can't take more stops reading.
 */
export class Lane {
  readonly breaker: Breaker;
  /** Up to where it has read; undefined while it follows the tail. */
  position: Position | undefined;
  /** What was attempted before this process had the endpoint; undefined once that is passed. */
  known: KnownBefore | undefined;
  /** Whether it stands before an event of which it isn't known whether it was attempted. */
  isStuck = false;
  inFlight = 0;
  /** Since when nothing has succeeded, in milliseconds since 1970; 0 while it works. */
  failingSinceMs: number;
  /** Whether its cursor has moved since it was written. */
  isDirty = true;
  #queue: Delivery[] = [];
  #asked: Delivery[] = [];
  #wasAsked = false;
  /** Events behind the cursor that are not done with. */
  readonly #open = new Set<Delivery>();
  readonly #budget: ByteBudget;
  readonly #lease: Pick<Lease, 'valid'>;
  readonly #clock: Clock;
  readonly #fromSeq: number;
  #endpoint: LiveEndpoint;
  #rate: Rate;

  constructor(options: {
    endpoint: LiveEndpoint;
    /** It is due what comes behind this sequence. */
    fromSeq: number;
    position: Position;
    failingSinceMs: number;
    known: KnownBefore | undefined;
    budget: ByteBudget;
    lease: Pick<Lease, 'valid'>;
    clock: Clock;
    random: () => number;
  }) {
    this.#endpoint = options.endpoint;
    this.#fromSeq = options.fromSeq;
    this.breaker = new Breaker(options.clock, options.random);
    this.#rate = new Rate(options.endpoint.record.rateLimit, options.clock);
    this.position = options.position;
    this.failingSinceMs = failingSince(options.endpoint.record, options.failingSinceMs);
    this.known = options.known;
    this.#budget = options.budget;
    this.#lease = options.lease;
    this.#clock = options.clock;
  }

  get endpoint(): LiveEndpoint {
    return this.#endpoint;
  }

  /** Puts what its owner has changed in the place of what was. */
  set endpoint(endpoint: LiveEndpoint) {
    if (endpoint.record.rateLimit !== this.#endpoint.record.rateLimit) {
      this.#rate = new Rate(endpoint.record.rateLimit, this.#clock);
    }
    if (isMended(this.#endpoint.record, endpoint.record)) this.breaker.reset();
    this.#endpoint = endpoint;
    const sinceMs = failingSince(endpoint.record, this.failingSinceMs);
    if (sinceMs !== this.failingSinceMs) this.isDirty = true;
    this.failingSinceMs = sinceMs;
  }

  get isActive(): boolean {
    return this.endpoint.record.disabled === undefined;
  }

  /** Whether it may read on. */
  get hasRoom(): boolean {
    return (
      this.isActive &&
      // One is enough to find out whether it works again.
      (!this.breaker.isOpen ||
        (this.#queue.length === 0 && this.#asked.length === 0 && this.inFlight === 0)) &&
      this.#queue.length <= MAX_QUEUED / 2 &&
      this.#open.size < MAX_UNRECORDED &&
      this.#budget.hasRoom
    );
  }

  /** Takes an event that it wants; false when it can't now, and must be offered it again. */
  offer(event: StreamedEvent, isRetried: (deliveryId: string) => boolean): boolean {
    const { position } = event;
    if (position.seq <= this.#fromSeq) return true;
    const isOld = this.known !== undefined && position.seq <= this.known.throughSeq;
    if (this.known !== undefined && !isOld) this.known = undefined;
    if (isOld && this.known?.deliveries === undefined) {
      this.isStuck = true;
      return false;
    }
    const id = event.deliveryId(this.endpoint.id);
    const known = this.known?.deliveries?.get(id);
    if (known !== undefined && !(this.endpoint.record.ordered && known.status === 'pending')) return true;
    if (isRetried(id)) return true;
    if (!this.isActive || this.#queue.length >= (this.breaker.isOpen ? 1 : MAX_QUEUED)) return false;
    if (this.#open.size >= MAX_UNRECORDED || !this.#budget.hold(event)) return false;
    const delivery: Delivery = {
      ...{ id, event, cause: 'event' },
      attempt: (known?.attempts ?? 0) + 1,
      tries: known?.attempts ?? 0,
      createdAtMs: known?.createdAtMs ?? 0,
      dueAtMs: known?.nextAttemptAtMs ?? 0,
    };
    this.#queue.push(delivery);
    this.#open.add(delivery);
    return true;
  }

  /** Whether it takes more of what is asked of it. */
  get takesMore(): boolean {
    return this.#asked.length < MAX_QUEUED;
  }

  /** Takes a delivery that is due beside what it reads: a retry, or what somebody wants again. */
  take(delivery: Delivery): void {
    this.#asked.push(delivery);
  }

  /** What to do next, with at most `cap` attempts under way. */
  next(cap: number): Step {
    const { ordered, maxInFlight } = this.endpoint.record;
    if (!this.isActive || !this.#lease.valid) return IDLE;
    if (this.inFlight >= (ordered ? 1 : Math.min(cap, maxInFlight))) return IDLE;
    // In turn: neither a long replay nor a busy stream may hold up the other.
    const [first, second] = this.#wasAsked ? [this.#queue, this.#asked] : [this.#asked, this.#queue];
    const queue = first.length > 0 ? first : second;
    const [delivery] = queue;
    if (delivery === undefined) return IDLE;
    const waitMs = Math.max(delivery.dueAtMs - this.#clock.now(), this.breaker.waitMs);
    if (waitMs > 0) return waitMs === Number.POSITIVE_INFINITY ? IDLE : { kind: 'wait', ms: waitMs };
    const limitedForMs = this.#rate.take();
    if (limitedForMs > 0) return { kind: 'wait', ms: limitedForMs };
    queue.shift();
    this.#wasAsked = queue === this.#asked;
    this.inFlight++;
    return { kind: 'start', delivery, passage: this.breaker.begin() };
  }

  /** Puts a delivery back in front of what follows: an ordered endpoint waits for it. */
  putBack(delivery: Delivery): void {
    this.#queue.unshift(delivery);
  }

  /** Nothing more is to be done for a delivery. */
  done(delivery: Delivery): void {
    if (!this.#open.delete(delivery)) return;
    this.#budget.release(delivery.event);
    this.isDirty = true;
  }

  /** Gives up what waits, all but `keep` of it; it will be read again. `tail` is where the tail is. */
  rewind(tail: Position, keep = 0): void {
    const dropped = this.#queue.splice(keep);
    const first = dropped[0];
    this.position ??= tail;
    if (first === undefined) return;
    this.position = before(first.event.position);
    for (const delivery of dropped) this.done(delivery);
  }

  /** Everything up to this sequence is done with. `tail` is where the tail is. */
  cursor(tail: Position): number {
    const read = this.position ?? tail;
    let least = read.index === WHOLE ? read.seq : read.seq - 1;
    for (const { event } of this.#open) least = Math.min(least, event.position.seq - 1);
    return least;
  }

  /** Whether an event comes behind what it has read. */
  isBehind(position: Position): boolean {
    return this.position !== undefined && isFurther(position, this.position);
  }

  /** Lets go of everything. */
  close(): void {
    for (const delivery of this.#open) this.#budget.release(delivery.event);
    this.#open.clear();
    this.#queue = [];
    this.#asked = [];
  }
}

/** Its owner has made it active again, or had it lead elsewhere: what failed before says nothing any more. */
function isMended(before: EndpointRecord, now: EndpointRecord): boolean {
  return (
    now.activatedAtMs !== before.activatedAtMs || targetAddress(now.target) !== targetAddress(before.target)
  );
}
