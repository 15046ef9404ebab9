import { type Logger, MillraceError } from '@millrace/runtime';
import { createInbox, type Msg, type NatsConnection, headers as natsHeaders } from 'nats';

/** A message to be stored. */
export interface Publication {
  readonly subject: string;
  readonly payload: Uint8Array;
  /** Repeated with every attempt, so that the server stores the message once. */
  readonly messageId: string;
  readonly traceparent?: string | undefined;
}

/** Stores messages in JetStream. */
export interface Publisher {
  /**
   * Resolves when the server has the message on disk. Throws MillraceError: `unavailable` when that isn't known
   * within the deadline, when the stream is full, and when the server doesn't take the message.
   */
  publish(publication: Publication): Promise<{ seq: number }>;
  /** Messages that wait for their acknowledgement, and the bytes of their payloads. */
  readonly waiting: { readonly messages: number; readonly bytes: number };
  close(): void;
}

/** A stream that has no room answers this (`maximum bytes exceeded`). */
const STREAM_FULL = 10077;
/** Another attempt with the same id is under way. */
const DUPLICATE_IN_PROCESS = 10158;
const SWEEP_MS = 100;

interface Pending {
  readonly publication: Publication;
  readonly deadline: number;
  retryAt: number;
  readonly resolve: (ack: { seq: number }) => void;
  readonly reject: (error: MillraceError) => void;
}

/**
 * Publishes with one reply subscription of its own: `js.publish` makes a request object, a timer and an
 * abort signal for each message, which costs as much again as the message itself.
 */
export function createPublisher(options: {
  connection: NatsConnection;
  log: Logger;
  /** Milliseconds after which a message counts as not stored. */
  deadlineMs: number;
  /** Milliseconds without an answer after which it is sent again. */
  attemptMs: number;
  /** Messages that may wait for their acknowledgement. */
  maxPending: number;
  monotonic: () => number;
}): Publisher {
  const { connection, log, monotonic } = options;
  const inbox = createInbox();
  const pending = new Map<string, Pending>();
  let pendingBytes = 0;
  let counter = 0;

  const take = (token: string): Pending | undefined => {
    const entry = pending.get(token);
    if (entry && pending.delete(token)) pendingBytes -= entry.publication.payload.length;
    return entry;
  };

  /** The client refuses some messages before it sends anything: that is an answer, and never leaves a timer. */
  const send = (token: string, { subject, payload, messageId, traceparent }: Publication) => {
    const headers = natsHeaders();
    headers.set('Nats-Msg-Id', messageId);
    if (traceparent !== undefined) headers.set('traceparent', traceparent);
    try {
      connection.publish(subject, payload, { headers, reply: `${inbox}.${token}` });
    } catch (cause) {
      log.error({ err: cause, subject, bytes: payload.length }, 'message can not be sent');
      take(token)?.reject(refused(cause));
    }
  };

  const onAck = (message: Msg) => {
    const token = message.subject.slice(inbox.length + 1);
    const entry = pending.get(token);
    if (!entry) return;
    const answer = readAck(message);
    if (answer.kind === 'retry') {
      entry.retryAt = monotonic() + SWEEP_MS;
      return;
    }
    take(token);
    if (answer.kind === 'stored') entry.resolve({ seq: answer.seq });
    else entry.reject(answer.error);
  };

  const subscription = connection.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error) log.error({ err: error }, 'acknowledgement could not be read');
      else onAck(message);
    },
  });

  const sweep = setInterval(() => {
    const now = monotonic();
    for (const [token, entry] of pending) {
      if (now >= entry.deadline) {
        take(token);
        entry.reject(new MillraceError('unavailable', 'the event store did not answer in time'));
      } else if (now >= entry.retryAt) {
        entry.retryAt = now + options.attemptMs;
        send(token, entry.publication);
      }
    }
  }, SWEEP_MS);
  sweep.unref();

  return {
    publish(publication) {
      if (pending.size >= options.maxPending) {
        return Promise.reject(new MillraceError('unavailable', 'too many messages wait for the event store'));
      }
      return new Promise((resolve, reject) => {
        const now = monotonic();
        const token = (counter++).toString(36);
        pending.set(token, {
          publication,
          deadline: now + options.deadlineMs,
          retryAt: now + options.attemptMs,
          resolve,
          reject,
        });
        pendingBytes += publication.payload.length;
        send(token, publication);
      });
    },
    get waiting() {
      return { messages: pending.size, bytes: pendingBytes };
    },
    close() {
      clearInterval(sweep);
      subscription.unsubscribe();
      for (const entry of pending.values()) entry.reject(new MillraceError('unavailable', 'shutting down'));
      pending.clear();
      pendingBytes = 0;
    },
  };
}

type Ack =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'retry' }
  | { readonly kind: 'failed'; readonly error: MillraceError };

function readAck(message: Msg): Ack {
  // "No responders": JetStream has no leader for the stream at this moment.
  if (message.headers?.code === 503) return { kind: 'retry' };
  let ack: { seq?: number; error?: { code: number; err_code: number; description: string } };
  try {
    ack = message.json();
  } catch (cause) {
    return { kind: 'failed', error: refused(cause) };
  }
  if (ack.error === undefined && typeof ack.seq === 'number') return { kind: 'stored', seq: ack.seq };
  const code = ack.error?.err_code;
  if (code === STREAM_FULL) {
    return { kind: 'failed', error: new MillraceError('unavailable', 'the event store is full') };
  }
  if (code === DUPLICATE_IN_PROCESS || ack.error?.code === 503) return { kind: 'retry' };
  const cause = new Error(ack.error?.description ?? 'acknowledgement without a sequence');
  return { kind: 'failed', error: refused(cause) };
}

function refused(cause: unknown): MillraceError {
  return new MillraceError('unavailable', 'the event store refused the message', { cause });
}
