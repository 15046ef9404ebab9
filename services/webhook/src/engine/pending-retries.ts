import { type Logger, toMillraceError } from '@millrace/runtime';
import type { Retries, Retry, StoredRetry } from '@millrace/stores';
import type { Alarms } from './alarms.ts';

/** The retries of the endpoints that this process serves. */
export interface PendingRetries {
  has(deliveryId: string): boolean;
  /** One that was read from the stream; an older attempt of the same delivery than is known is removed there. */
  add(retry: StoredRetry): void;
  /** The message is not needed any more: the attempt is recorded, or the endpoint is gone. */
  settle(deliveryId: string, messageSeq: number): void;
  /** Forgets those of endpoints that another serves now. */
  forget(isWanted: (endpointId: string) => boolean): void;
  readonly size: number;
}

/** Makes one that knows of none. `onDue` is called once for each, by its due time. */
export function createPendingRetries(options: {
  retries: Pick<Retries, 'remove'>;
  alarms: Alarms;
  onDue: (retry: StoredRetry) => void;
  log: Logger;
}): PendingRetries {
  const { retries, alarms, log } = options;
  const pending = new Map<string, StoredRetry>();

  const remove = (messageSeq: number): void => {
    retries.remove(messageSeq).catch((error: unknown) => {
      // It is found again at the next start, and its attempt made once more.
      log.warn({ err: toMillraceError(error), messageSeq }, 'a retry that is done with was not removed');
    });
  };
  const isNewer = (one: Retry, than: StoredRetry): boolean =>
    one.attempt > than.attempt || (one.attempt === than.attempt && one.dueAtMs !== than.dueAtMs);

  return {
    has: (deliveryId) => pending.has(deliveryId),
    add(retry) {
      const known = pending.get(retry.deliveryId);
      if (known?.messageSeq === retry.messageSeq) return;
      if (known !== undefined && !isNewer(retry, known)) return remove(retry.messageSeq);
      if (known !== undefined) remove(known.messageSeq);
      pending.set(retry.deliveryId, retry);
      alarms.at(retry.dueAtMs, () => {
        // It may have been replaced, or settled.
        if (pending.get(retry.deliveryId) === retry) options.onDue(retry);
      });
    },
    settle(deliveryId, messageSeq) {
      if (pending.get(deliveryId)?.messageSeq === messageSeq) pending.delete(deliveryId);
      remove(messageSeq);
    },
    forget(isWanted) {
      for (const [deliveryId, { endpointId }] of pending) {
        if (!isWanted(endpointId)) pending.delete(deliveryId);
      }
    },
    get size() {
      return pending.size;
    },
  };
}
