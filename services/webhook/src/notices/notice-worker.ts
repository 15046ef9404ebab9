import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, toMillraceError } from '@millrace/runtime';
import type { Records } from '@millrace/stores';
import type { Disabling, EndpointRecord } from '../endpoints/endpoint-record.ts';
import { announceDisabled, mailDisabled, type TellDeps } from './tell-disabled.ts';

/** Tells of endpoints that were disabled, those that this process serves. */
export interface NoticeWorker {
  close(): Promise<void>;
}

const LOOK_MS = 1_000;
const AT_ONCE = 8;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10 * 60_000;
/** An event is never given up. A mail is: who has not looked for so long won't be helped by it. */
const MAIL_FOR_MS = 3 * 24 * 60 * 60 * 1_000;
const CLEAR_ATTEMPTS = 10;

/**
 * Starts to look for endpoints whose record says that something is untold. The record says so until it is told, so that nothing is lost
 * with a process: what is told twice is one event, and rarely two mails.
 */
export function startNoticeWorker(
  options: TellDeps & {
    endpoints: Records<EndpointRecord>;
    /** Whether this process serves an endpoint: another that does tells of it. */
    isServed: (endpointId: string) => boolean;
    clock: Clock;
    log: Logger;
  },
): NoticeWorker {
  const { endpoints, clock, log } = options;
  const closing = new AbortController();
  const untold = new Set<string>();
  const working = new Map<string, Promise<void>>();
  const paused = new Map<string, { readonly untilMs: number; readonly pauseMs: number }>();
  const note = (id: string, record: EndpointRecord | undefined): void => {
    if (record?.untold !== undefined) return void untold.add(id);
    untold.delete(id);
    paused.delete(id);
  };
  for (const [id, { value }] of endpoints.entries()) note(id, value);
  endpoints.onChange((one) => note(one.recordKey, one.kind === 'removed' ? undefined : one.value));

  const mail = async (record: EndpointRecord, what: Disabling): Promise<void> => {
    try {
      await mailDisabled(options, record, what, closing.signal);
    } catch (error) {
      if (closing.signal.aborted || clock.now() - what.disabledAtMs < MAIL_FOR_MS) throw error;
      log.warn({ err: toMillraceError(error), endpointId: record.id }, 'owners were not mailed');
    }
  };
  const clear = async (id: string, told: Disabling): Promise<void> => {
    for (let attempt = 0; attempt < CLEAR_ATTEMPTS; attempt++) {
      const stored = await endpoints.read(id);
      if (stored?.value.untold?.disabledAtMs !== told.disabledAtMs) return;
      const { untold: _, ...record } = stored.value;
      if ((await endpoints.update(id, record, stored.revision)).kind === 'written') return;
    }
  };
  const tell = async (id: string): Promise<void> => {
    const record = (await endpoints.read(id))?.value;
    if (record?.untold === undefined) return;
    await announceDisabled(options, record, record.untold);
    await mail(record, record.untold);
    await clear(id, record.untold);
  };

  const begin = (id: string): void => {
    const running = tell(id)
      .then(
        () => void paused.delete(id),
        (error: unknown) => {
          const before = paused.get(id)?.pauseMs;
          const pauseMs = before === undefined ? FIRST_PAUSE_MS : Math.min(before * 2, LONGEST_PAUSE_MS);
          paused.set(id, { pauseMs, untilMs: clock.monotonic() + pauseMs });
          if (!closing.signal.aborted)
            log.warn({ err: toMillraceError(error), endpointId: id }, 'owners could not be told yet');
        },
      )
      .finally(() => working.delete(id));
    working.set(id, running);
  };
  const look = (): void => {
    for (const id of untold) {
      if (working.size >= AT_ONCE) return;
      if (working.has(id) || !options.isServed(id)) continue;
      if ((paused.get(id)?.untilMs ?? 0) <= clock.monotonic()) begin(id);
    }
  };
  const run = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      look();
      await delay(LOOK_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };
  const running = run();

  return {
    async close() {
      closing.abort();
      await running;
      await Promise.all(working.values());
    },
  };
}
