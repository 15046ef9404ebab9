import { MillraceError } from '@millrace/runtime';
import { createInbox, type Msg, type NatsConnection } from 'nats';

/** A request for the messages of a subject from a sequence on. */
export interface DirectRead {
  readonly fromSeq: number;
  readonly maxMessages: number;
  /** At least one message is sent, however large. */
  readonly maxBytes: number;
  readonly onMessage: (message: StreamMessage) => void;
  readonly signal: AbortSignal;
}

/** What a request yielded. */
export interface DirectReadAnswer {
  readonly messages: number;
  /** Messages of the subject behind the last one sent. */
  readonly pending: number;
}

/** JetStream's batched direct get, which the `nats` client (2.29) can't ask for with a sequence and a size. */
export interface DirectReads {
  /** Throws `unavailable` when the answer stops coming or has a hole; what came before the hole was told. */
  read(request: DirectRead): Promise<DirectReadAnswer>;
  close(): void;
}

/** Milliseconds without a message after which an answer counts as lost. */
const SILENCE_MS = 5_000;

const NO_RESULTS = 404;
const END_OF_BATCH = 204;

interface Running {
  readonly token: string;
  readonly request: DirectRead;
  readonly resolve: (answer: DirectReadAnswer) => void;
  readonly reject: (error: unknown) => void;
  readonly silence: NodeJS.Timeout;
  lastSeq: number;
  messages: number;
}

/** Makes a reader of one subject; one request runs at a time. */
export function createDirectReads(options: {
  connection: NatsConnection;
  stream: string;
  subject: string;
}): DirectReads {
  const { connection } = options;
  const inbox = createInbox();
  let counter = 0;
  let running: Running | undefined;

  const end = (): Running | undefined => {
    const ended = running;
    running = undefined;
    if (ended) clearTimeout(ended.silence);
    return ended;
  };
  const fail = (why: string): void =>
    end()?.reject(new MillraceError('unavailable', `the stream can not be read: ${why}`));

  const onStatus = (status: number, description: string, message: Msg): void => {
    if (status === NO_RESULTS || status === END_OF_BATCH) {
      const pending = status === NO_RESULTS ? 0 : Number(message.headers?.get('Nats-Num-Pending') ?? 0);
      const ended = end();
      ended?.resolve({ messages: ended.messages, pending });
      return;
    }
    fail(`${status} ${description}`);
  };

  const onAnswer = (message: Msg): void => {
    // An answer to a request that was given up.
    if (!running || !message.subject.endsWith(running.token)) return;
    const headers = message.headers;
    if (!headers) {
      fail('an answer has no headers');
      return;
    }
    if (headers.code > 0) {
      onStatus(headers.code, headers.description, message);
      return;
    }
    const seq = Number(headers.get('Nats-Sequence'));
    const previous = Number(headers.get('Nats-Last-Sequence') || 0);
    // The server tells each message's predecessor in the batch: one that a slow connection dropped shows here.
    const isNext = running.messages === 0 || previous === running.lastSeq;
    if (!Number.isSafeInteger(seq) || seq <= running.lastSeq || !isNext) {
      fail('a message is missing from an answer');
      return;
    }
    running.lastSeq = seq;
    running.messages++;
    running.silence.refresh();
    const { data } = message;
    running.request.onMessage({
      seq,
      data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
      storedAt: headers.get('Nats-Time-Stamp'),
    });
  };

  const subscription = connection.subscribe(`${inbox}.*`, {
    callback: (error, message) => (error ? fail(error.message) : onAnswer(message)),
  });

  return {
    read(request) {
      return new Promise((resolve, reject) => {
        const token = `.${(counter++).toString(36)}`;
        const cancel = () => {
          if (running?.token === token) end()?.reject(request.signal.reason);
        };
        request.signal.addEventListener('abort', cancel, { once: true });
        const settled = () => request.signal.removeEventListener('abort', cancel);
        running = {
          token,
          request,
          resolve: (answer) => {
            settled();
            resolve(answer);
          },
          reject: (error) => {
            settled();
            reject(error);
          },
          silence: setTimeout(() => fail('no answer in time'), SILENCE_MS),
          lastSeq: request.fromSeq - 1,
          messages: 0,
        };
        if (request.signal.aborted) {
          cancel();
          return;
        }
        connection.publish(
          `$JS.API.DIRECT.GET.${options.stream}`,
          JSON.stringify({
            seq: request.fromSeq,
            next_by_subj: options.subject,
            batch: request.maxMessages,
            max_bytes: request.maxBytes,
          }),
          { reply: inbox + token },
        );
      });
    },
    close() {
      fail('closed');
      subscription.unsubscribe();
    },
  };
}

/** A message of a stream. */
export interface StreamMessage {
  readonly seq: number;
  readonly data: Buffer;
  /** When the stream took it: RFC 3339, UTC. */
  readonly storedAt: string;
}
