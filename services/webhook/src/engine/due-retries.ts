import { type Clock, type Logger, toMillraceError } from '@millrace/runtime';
import type { StoredRetry } from '@millrace/stores';
import type { Alarms } from './alarms.ts';
import type { EventSource } from './event-source.ts';
import type { Lane } from './lane.ts';
import type { StoredLog } from './ports.ts';
import type { StreamedEvent } from './streamed-event.ts';

/** Has retries attempted when their time has come. */
export interface DueRetries {
  ring(retry: StoredRetry): void;
  /** Retries that another process has left: whether their attempts were made is asked before they are. */
  inherit(retries: readonly StoredRetry[]): void;
}

/** When a retry is looked at again whose endpoint can't take it now. */
const LATER_MS = 1_000;
const INACTIVE_LATER_MS = 60_000;
/** How long it is asked whether an attempt was made, before it is made again. */
const ASKED_FOR_MS = 30_000;

/** Makes one. */
export function createDueRetries(options: {
  source: Pick<EventSource, 'find'>;
  stored: Pick<StoredLog, 'attemptsOf'>;
  isErased: (event: StreamedEvent) => boolean;
  /** Undefined for an endpoint that this process doesn't serve. */
  laneOf: (endpointId: string) => Lane | undefined;
  /** Whether an endpoint that this process would serve is no more. */
  isGone: (endpointId: string) => boolean;
  isPending: (deliveryId: string) => boolean;
  /** It is not needed any more. */
  settle: (retry: StoredRetry) => void;
  wake: (lane: Lane) => void;
  alarms: Alarms;
  clock: Clock;
  log: Logger;
}): DueRetries {
  const { source, stored, settle, alarms, clock, log } = options;
  /** By message: until when it is asked. */
  const inherited = new Map<number, number>();

  const isMade = async ({
    deliveryId: id,
    workspaceId,
    attempt,
    messageSeq,
  }: StoredRetry): Promise<boolean> => {
    const untilMs = inherited.get(messageSeq);
    if (untilMs === undefined) return false;
    try {
      const made = await stored.attemptsOf({ id, workspaceId });
      inherited.delete(messageSeq);
      return made >= attempt;
    } catch (error) {
      if (clock.now() < untilMs) throw error;
      inherited.delete(messageSeq);
      return false;
    }
  };
  const later = (retry: StoredRetry, ms: number): void =>
    alarms.at(clock.now() + ms, () => {
      if (options.isPending(retry.deliveryId)) ring(retry);
    });
  const due = async (retry: StoredRetry): Promise<void> => {
    const lane = options.laneOf(retry.endpointId);
    if (lane === undefined) {
      // Of an endpoint that is gone nothing is wanted; one whose group has just come is about to be here.
      return options.isGone(retry.endpointId) ? settle(retry) : later(retry, LATER_MS);
    }
    if (!lane.isActive || !lane.takesMore) return later(retry, lane.isActive ? LATER_MS : INACTIVE_LATER_MS);
    if (await isMade(retry)) return settle(retry);
    const event = await source.find(retry);
    if (event === undefined || options.isErased(event)) {
      log.info({ deliveryId: retry.deliveryId }, 'the event of a retry is not stored any more');
      return settle(retry);
    }
    const { deliveryId: id, cause, attempt, tries, createdAtMs, messageSeq: retrySeq } = retry;
    lane.take({ id, event, cause, attempt, tries, createdAtMs, dueAtMs: 0, retrySeq });
    options.wake(lane);
  };
  const ring = (retry: StoredRetry): void => {
    due(retry).catch((error: unknown) => {
      const { deliveryId } = retry;
      log.debug({ err: toMillraceError(error), deliveryId }, 'the event of a retry is not at hand');
      later(retry, LATER_MS);
    });
  };

  return {
    ring,
    inherit(retries) {
      for (const { messageSeq } of retries) inherited.set(messageSeq, clock.now() + ASKED_FOR_MS);
    },
  };
}
