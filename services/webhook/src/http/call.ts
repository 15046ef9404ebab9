import type { Dispatcher } from 'undici';
import { CallError, isConnectionLoss } from './call-error.ts';
import type { CallTarget } from './check-url.ts';
import type { Connection } from './connection.ts';

/** What the one that makes calls is told of each. */
export interface CallOwner {
  /** Once for each call, with what it failed with. */
  ended(call: Call, error: unknown): void;
  /** A connection that was at rest turned out to be dead: the call is to go over another. */
  retry(call: Call): void;
}

/** How much of an answer's body is kept. */
export const MAX_KEPT_BYTES = 16 * 1024;
/** Interim answers (1xx) that a receiver may send before the one that counts. */
const MAX_INTERIM = 16;

/** One call from when it is asked for until it has ended, as undici's handler of it. A class, since there are 10,000 a second. */
export class Call implements Dispatcher.DispatchHandler {
  readonly target: CallTarget;
  readonly headers: string[];
  readonly body: Buffer;
  readonly beganAtMs: number;
  readonly signal: AbortSignal | undefined;
  /** Over which it goes; undefined while it waits for one. */
  connection: Connection | undefined;
  /** 0 until there is an answer. */
  status = 0;
  retryAfter: string | undefined;
  isTruncated = false;
  /** The answer has been read to its end, and the connection is fit for another call. */
  isComplete = false;
  readonly #owner: CallOwner;
  #hasEnded = false;
  #hasAnswer = false;
  #wasRetried = false;
  #interim = 0;
  #keptBytes = 0;
  readonly #kept: Buffer[] = [];

  constructor(
    owner: CallOwner,
    target: CallTarget,
    request: { headers: string[]; body: Buffer; signal?: AbortSignal | undefined },
    beganAtMs: number,
  ) {
    this.#owner = owner;
    this.target = target;
    this.headers = request.headers;
    this.body = request.body;
    this.signal = request.signal;
    this.beganAtMs = beganAtMs;
  }

  get response(): Buffer {
    return this.#kept.length === 1 ? (this.#kept[0] as Buffer) : Buffer.concat(this.#kept);
  }

  /** Ends it, whatever it is at. */
  end(error?: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#owner.ended(this, error);
  }

  onRequestStart(): void {
    // Dispatchers demand it.
  }

  onResponseStarted(): void {
    this.#hasAnswer = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) {
      this.#interim += 1;
      if (this.#interim > MAX_INTERIM) this.end(new CallError('too many interim answers'));
      return;
    }
    this.status = status;
    const retryAfter = headers['retry-after'];
    this.retryAfter = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#hasEnded) return;
    const room = MAX_KEPT_BYTES - this.#keptBytes;
    // A copy: what undici hands over is a view of a whole read.
    if (room > 0) this.#kept.push(Buffer.from(chunk.subarray(0, room)));
    this.#keptBytes += Math.min(room, chunk.length);
    if (chunk.length <= room) return;
    this.isTruncated = true;
    this.end();
  }

  onResponseEnd(): void {
    this.isComplete = true;
    this.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const isStale = this.connection?.isReused === true && !this.#hasAnswer && isConnectionLoss(error);
    if (isStale && !this.#hasEnded && !this.#wasRetried) {
      this.#wasRetried = true;
      this.#owner.retry(this);
    } else {
      this.end(error);
    }
  }
}
