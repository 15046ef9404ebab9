import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, type Logger, MillraceError } from '@millrace/runtime';
import type { NatsConnection } from 'nats';
import type { StreamMessage } from './direct-reads.ts';
import { createDirectReads } from './direct-reads.ts';

/** Reads a subject of a stream in order, ahead of its consumer but never by more than a number of bytes. */
export interface LogReader {
  /** The next message, if one is there already. */
  take(): StreamMessage | undefined;
  /** Resolves when a message is there, when the time is over, or when the signal aborts. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  /** Messages of the subject that the server has behind those read so far, as far as it is known. */
  readonly pending: number;
  close(): Promise<void>;
}

/** What one request asks for at most. */
const REQUEST_MESSAGES = 1_000;
const REQUEST_BYTES = 4 * 1024 * 1024;

/** How often an idle subject is looked at, in milliseconds: often for a while after its last message. */
const POLL_BUSY_MS = 20;
const POLL_IDLE_MS = 100;
const BUSY_FOR_MS = 2_000;
const RETRY_MS = 250;

/**
 * Opens a reader behind a sequence. It asks for messages by their sequence and keeps nothing on the server, so a
 * reconnect, a restart of the server or a lost answer needs no repair: it asks again for what is missing.
 * Messages that are gone from the stream are passed over.
 */
export function openLogReader(options: {
  connection: NatsConnection;
  stream: string;
  subject: string;
  afterSeq: number;
  /** Stops reading ahead above it; the last request may exceed it. */
  maxBufferedBytes: number;
  clock: Clock;
  log: Logger;
}): LogReader {
  const { clock, log, subject } = options;
  const reads = createDirectReads(options);
  const closing = new AbortController();
  let messages: StreamMessage[] = [];
  let head = 0;
  let bufferedBytes = 0;
  let lastSeq = options.afterSeq;
  let pending = 0;
  let lastMessageAt = clock.monotonic();
  let wake = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();

  const push = (message: StreamMessage): void => {
    messages.push(message);
    bufferedBytes += message.data.length;
    lastSeq = message.seq;
  };

  const readOnce = async (): Promise<void> => {
    const answer = await reads.read({
      fromSeq: lastSeq + 1,
      maxMessages: REQUEST_MESSAGES,
      maxBytes: REQUEST_BYTES,
      onMessage: push,
      signal: closing.signal,
    });
    pending = answer.pending;
    if (answer.messages > 0) {
      lastMessageAt = clock.monotonic();
      wake.resolve();
    }
    if (answer.pending > 0) return;
    await sleep(clock.monotonic() - lastMessageAt < BUSY_FOR_MS ? POLL_BUSY_MS : POLL_IDLE_MS);
  };

  const sleep = (ms: number) => delay(ms, undefined, { signal: closing.signal }).catch(ignoreAbort);

  const run = async (): Promise<void> => {
    let failing = false;
    while (!closing.signal.aborted) {
      if (bufferedBytes >= options.maxBufferedBytes) {
        room = Promise.withResolvers<void>();
        await room.promise;
        continue;
      }
      try {
        await readOnce();
        failing = false;
      } catch (error) {
        if (closing.signal.aborted) return;
        if (!failing)
          log.warn({ subject, afterSeq: lastSeq, err: error }, 'stream can not be read, retrying');
        failing = true;
        await sleep(RETRY_MS);
      }
    }
  };
  const running = run();

  return {
    take() {
      const message = messages[head];
      if (message === undefined) return undefined;
      head++;
      bufferedBytes -= message.data.length;
      if (head === messages.length) {
        messages = [];
        head = 0;
      }
      if (bufferedBytes < options.maxBufferedBytes) room.resolve();
      return message;
    },
    async wait(timeoutMs, signal) {
      if (head < messages.length || signal?.aborted) return;
      wake = Promise.withResolvers<void>();
      const stop = new AbortController();
      const ends = AbortSignal.any([stop.signal, closing.signal, ...(signal ? [signal] : [])]);
      try {
        await Promise.race([
          wake.promise,
          delay(Math.max(0, timeoutMs), undefined, { signal: ends }).catch(ignoreAbort),
        ]);
      } finally {
        stop.abort();
      }
    },
    get pending() {
      return pending + (messages.length - head);
    },
    async close() {
      closing.abort(new MillraceError('canceled', 'the reader is closed'));
      room.resolve();
      wake.resolve();
      await running;
      reads.close();
    },
  };
}

function ignoreAbort(error: unknown): void {
  // A sleep that is cut short is how a reader is woken or closed.
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
