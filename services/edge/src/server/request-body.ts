import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { type Failure, RequestFailure } from './failure.ts';
import { inflateBeginning, inflateBody } from './inflate.ts';

/** The memory that bodies may take together. */
export interface BodyBudget {
  /** Reserves; false when so much is not left. */
  take(bytes: number): boolean;
  give(bytes: number): void;
  /** What is taken, in bytes. */
  used(): number;
}

/** One budget for the bodies of all requests, as received and inflated. */
export function createBodyBudget(limitBytes: number): BodyBudget {
  let left = limitBytes;
  return {
    take(bytes) {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    give(bytes) {
      left += bytes;
    },
    used: () => limitBytes - left,
  };
}

const EMPTY = Buffer.alloc(0);
const RETRY_AFTER_SECONDS = 1;
/** How long the end of a refused body is awaited before its answer, in milliseconds: some clients don't listen before. */
const REFUSAL_WAIT_MS = 1_000;
/** How long the beginning of a body is awaited, in milliseconds. */
const PEEK_WAIT_MS = 1_000;
/** JSON inflates to this many times its size at most, as a rule. */
const USUAL_RATIO = 16;
const LEAST_GUESS_BYTES = 16 * 1024;

/** A request's body on its way in: what of it is in memory counts towards the budget. */
export class RequestBody {
  readonly #request: IncomingMessage | Http2ServerRequest;
  readonly #budget: BodyBudget;
  #reserved = 0;
  #cut: Failure | undefined;
  #onCut: ((failure: Failure) => void) | undefined;

  constructor(request: IncomingMessage | Http2ServerRequest, budget: BodyBudget) {
    this.#request = request;
    this.#budget = budget;
  }

  /** The inflated body. Never holds more than `limitBytes`, and refuses what exceeds it. */
  read(limitBytes: number): Promise<Buffer> {
    const encoding = this.#request.headers['content-encoding'];
    const raw = this.#receive(limitBytes);
    return encoding === undefined ? raw : raw.then((body) => this.#inflate(body, encoding, limitBytes));
  }

  /** The beginning of the body, inflated; what is damaged or doesn't come in time ends it early. */
  async peek(limitBytes: number): Promise<Buffer> {
    const encoding = this.#request.headers['content-encoding'];
    const raw = await this.#firstBytes(limitBytes);
    return encoding === undefined ? raw : inflateBeginning(raw, encoding, limitBytes);
  }

  /** Fails whoever reads, now or later. */
  cut(failure: Failure): void {
    this.#cut = failure;
    this.#onCut?.(failure);
  }

  /** Gives back what the body took of the budget. */
  release(): void {
    this.#budget.give(this.#reserved);
    this.#reserved = 0;
  }

  #reserve(bytes: number): boolean {
    if (!this.#budget.take(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }

  #giveBack(bytes: number): void {
    // The client may have gone meanwhile, and everything been released.
    const given = Math.min(bytes, this.#reserved);
    this.#reserved -= given;
    this.#budget.give(given);
  }

  #receive(limitBytes: number): Promise<Buffer> {
    const request = this.#request;
    return new Promise((resolve, reject) => {
      let first: Buffer = EMPTY;
      let more: Buffer[] | undefined;
      let length = 0;
      let refused = false;
      let ended = false;
      const refuse = (failure: Failure) => {
        refused = true;
        first = EMPTY;
        more = undefined;
        this.release();
        const tell = () => reject(new RequestFailure(failure));
        const wait = setTimeout(tell, REFUSAL_WAIT_MS);
        request.once('end', () => {
          clearTimeout(wait);
          tell();
        });
      };
      if (this.#cut) return reject(new RequestFailure(this.#cut));
      this.#onCut = (failure) => {
        refused = true;
        first = EMPTY;
        more = undefined;
        this.release();
        reject(new RequestFailure(failure));
      };
      if (Number(request.headers['content-length'] ?? 0) > limitBytes)
        refuse({ kind: 'too_large', limitBytes });
      request.on('data', (chunk: Buffer) => {
        if (refused) return;
        length += chunk.length;
        if (length > limitBytes) refuse({ kind: 'too_large', limitBytes });
        else if (!this.#reserve(chunk.length)) refuse(exhausted());
        else if (length === chunk.length) first = chunk;
        else if (more) more.push(chunk);
        else more = [first, chunk];
      });
      request.on('end', () => {
        ended = true;
        if (!refused) resolve(more ? Buffer.concat(more, length) : first);
      });
      const cutOff = () => {
        if (!ended) reject(new RequestFailure({ kind: 'request_timeout' }));
      };
      request.on('close', cutOff);
      request.on('error', cutOff);
    });
  }

  /** Reserves what the body will take as a rule, and the most that it may take only when it takes more. */
  async #inflate(body: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
    const guess = Math.min(limitBytes, Math.max(body.length * USUAL_RATIO, LEAST_GUESS_BYTES));
    if (!this.#reserve(guess)) throw new RequestFailure(exhausted());
    let reserved = guess;
    let inflated: Buffer;
    try {
      inflated = await inflateBody(body, encoding, guess);
    } catch (error) {
      const isUnusual = error instanceof RequestFailure && error.failure.kind === 'too_large';
      if (!isUnusual || guess === limitBytes) throw error;
      if (!this.#reserve(limitBytes - guess)) throw new RequestFailure(exhausted());
      reserved = limitBytes;
      inflated = await inflateBody(body, encoding, limitBytes);
    }
    // What was received is not kept, and what was reserved too much is free again.
    this.#giveBack(body === inflated ? reserved : body.length + reserved - inflated.length);
    return inflated;
  }

  #firstBytes(limitBytes: number): Promise<Buffer> {
    const request = this.#request;
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const done = () => {
        clearTimeout(timer);
        request.off('data', take);
        for (const event of ['end', 'close', 'error']) request.off(event, done);
        // What else comes is thrown away, so that the connection can be used for another request.
        request.resume();
        resolve(Buffer.concat(chunks).subarray(0, limitBytes));
      };
      const take = (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= limitBytes) done();
      };
      const timer = setTimeout(done, PEEK_WAIT_MS);
      request.on('data', take);
      for (const event of ['end', 'close', 'error']) request.once(event, done);
    });
  }
}

function exhausted(): Failure {
  return { kind: 'unavailable', retryAfterSeconds: RETRY_AFTER_SECONDS };
}
