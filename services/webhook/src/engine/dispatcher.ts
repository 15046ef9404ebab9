import type { Clock } from '@millrace/runtime';
import type { Alarms } from './alarms.ts';
import type { Lane, Step } from './lane.ts';

/** An attempt that a lane wants to be made. */
export type Begun = Extract<Step, { kind: 'start' }>;

/** Begins attempts, lane by lane in turn. */
export interface Dispatcher {
  /** Something has happened to a lane: looks what it wants. */
  wake(lane: Lane): void;
  /** Attempts under way. */
  readonly inFlight: number;
  /** Begins nothing more; resolves when no attempt is under way. */
  close(): Promise<void>;
}

/** Room that is kept for others: the more is under way in all, the less a single lane may hold. */
const SHARES = 64;

/** Makes one that has nothing to do. */
export function createDispatcher(options: {
  /** Makes an attempt, and what follows from it up to where the lane may go on. Never rejects. */
  attempt: (lane: Lane, begun: Begun) => Promise<void>;
  /** Whether so much waits to be recorded that nothing may begin. */
  isHeld: () => boolean;
  /** Attempts under way in all, at most. */
  maxInFlight: number;
  alarms: Alarms;
  clock: Clock;
}): Dispatcher {
  const { alarms, clock, maxInFlight } = options;
  const waiting = new Set<Lane>();
  const asleep = new Set<Lane>();
  let inFlight = 0;
  let isScheduled = false;
  let closed: PromiseWithResolvers<void> | undefined;

  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(run);
  };
  const wake = (lane: Lane): void => {
    waiting.add(lane);
    schedule();
  };
  const sleep = (lane: Lane, ms: number): void => {
    if (asleep.has(lane)) return;
    asleep.add(lane);
    alarms.at(clock.now() + Math.max(1, Math.ceil(ms)), () => {
      asleep.delete(lane);
      wake(lane);
    });
  };
  const ended = (lane: Lane): void => {
    inFlight--;
    lane.inFlight--;
    if (closed !== undefined && inFlight === 0) closed.resolve();
    wake(lane);
  };
  /** One attempt of each lane in turn, until none wants to or all room is taken. */
  const run = (): void => {
    isScheduled = false;
    for (const lane of waiting) {
      if (closed !== undefined || inFlight >= maxInFlight || options.isHeld()) return;
      waiting.delete(lane);
      const cap = Math.max(1, Math.floor((maxInFlight - inFlight) / SHARES));
      const step = lane.next(cap);
      if (step.kind === 'wait') sleep(lane, step.ms);
      if (step.kind !== 'start') continue;
      inFlight++;
      options.attempt(lane, step).then(() => ended(lane));
      // Behind the others: a set is gone through in the order of insertion.
      waiting.add(lane);
    }
  };

  return {
    wake,
    get inFlight() {
      return inFlight;
    },
    close() {
      closed ??= Promise.withResolvers();
      if (inFlight === 0) closed.resolve();
      return closed.promise;
    },
  };
}
