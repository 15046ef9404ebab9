import { AsyncLocalStorage } from 'node:async_hooks';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Compression } from '@connectrpc/connect/protocol';
import { MillraceError } from '@millrace/runtime';
import type { RequestHandler } from '../server/listener.ts';
import type { BodyBudget } from '../server/request-body.ts';
import { toConnectError } from './failure.ts';

/** Longest message to a method that anybody may call, as sent and inflated, in bytes. */
export const PUBLIC_MAX_BYTES = 4 * 1024;

/** Protobuf and JSON inflate to this many times their size at most, as a rule. */
const USUAL_RATIO = 16;
const LEAST_GUESS_BYTES = 16 * 1024;

/** The body of a call on its way in: what of it is in memory, as received and inflated, counts towards the budget of all bodies. */
export class CallBody {
  readonly #budget: BodyBudget;
  /** Rejects once the body is late; never resolves. */
  readonly #late = Promise.withResolvers<never>();
  #reserved = 0;
  /** The part of `#reserved` that belongs to messages which the service has. */
  #claimed = 0;
  #giveLast: (() => void) | undefined;
  #isOver = false;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
    // Nobody may be reading.
    this.#late.promise.catch(() => undefined);
  }

  /** The bytes as they come. Leaves the request open when its reader stops, so that the answer can still be sent. */
  async *read(request: Parameters<RequestHandler>[0]): AsyncGenerator<Uint8Array> {
    const chunks: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false });
    for (;;) {
      const next = await Promise.race([chunks.next(), this.#late.promise]);
      if (next.done) return;
      this.take(next.value.length);
      yield next.value;
    }
  }

  /** Throws `unavailable` when so much is not left. */
  take(bytes: number): void {
    // What is taken after the end would never be given back.
    if (this.#isOver) throw new ConnectError('the caller has gone', Code.Canceled);
    if (!this.#budget.take(bytes)) {
      throw toConnectError(new MillraceError('unavailable', 'too much is being received at once'));
    }
    this.#reserved += bytes;
  }

  give(bytes: number): void {
    const given = Math.min(bytes, this.#reserved);
    this.#reserved -= given;
    this.#claimed = Math.min(this.#claimed, this.#reserved);
    this.#budget.give(given);
  }

  /** Fails whoever reads, now or later, by `deadline_exceeded`. */
  late(): void {
    this.#late.reject(new ConnectError('the request did not arrive in time', Code.DeadlineExceeded));
  }

  /** The call is over, and the memory of its body free. */
  close(): void {
    this.#isOver = true;
    this.give(this.#reserved);
  }

  /** Each message of a stream, whose memory is free when the next one is asked for, or when who holds it says so. */
  async *messages<Message>(messages: AsyncIterable<Message>): AsyncGenerator<Message> {
    for await (const message of messages) {
      const bytes = this.#reserved - this.#claimed;
      this.#claimed += bytes;
      this.#giveLast = () => {
        this.#claimed = Math.max(0, this.#claimed - bytes);
        this.give(bytes);
      };
      yield message;
      this.#giveLast?.();
      this.#giveLast = undefined;
    }
  }

  /** Keeps the memory of the message that came last reserved, until what is returned is called. */
  hold(): () => void {
    const give = this.#giveLast;
    this.#giveLast = undefined;
    return give ?? (() => undefined);
  }
}

/** The body of the call that is being served: connect hands no context to what inflates its messages. */
const current = new AsyncLocalStorage<CallBody>();

/** Runs what serves a call, which finds its body from then on. */
export function servingBody<Result>(body: CallBody, serve: () => Result): Result {
  return current.run(body, serve);
}

/** Keeps the last message of the stream that is being served in the budget, for who goes on while it is worked on. */
export function holdMessage(): () => void {
  return current.getStore()?.hold() ?? (() => undefined);
}

/** Gives back what the messages of a stream take, one by one. */
export function countMessages(): Interceptor {
  return (next) => (request) => {
    const body = current.getStore();
    if (!request.stream || !body) return next(request);
    return next({ ...request, message: body.messages(request.message) });
  };
}

/** Inflates within the budget: reserves what a message will take as a rule, and the most that it may take only when it takes more. */
export function counting(compression: Compression): Compression {
  return {
    ...compression,
    async decompress(bytes, readMaxBytes) {
      const body = current.getStore();
      if (!body) return compression.decompress(bytes, readMaxBytes);
      const guess = Math.min(readMaxBytes, Math.max(bytes.length * USUAL_RATIO, LEAST_GUESS_BYTES));
      body.take(guess);
      let reserved = guess;
      let inflated: Awaited<ReturnType<Compression['decompress']>>;
      try {
        inflated = await compression.decompress(bytes, guess);
      } catch (error) {
        const isUnusual = error instanceof ConnectError && error.code === Code.ResourceExhausted;
        if (!isUnusual || guess === readMaxBytes) throw error;
        body.take(readMaxBytes - guess);
        reserved = readMaxBytes;
        inflated = await compression.decompress(bytes, readMaxBytes);
      }
      // What was received is not kept, and what was reserved too much is free again.
      body.give(bytes.length + reserved - inflated.length);
      return inflated;
    },
  };
}
