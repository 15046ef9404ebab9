import type { StreamedMessage } from './wanted-events.ts';

/** What is kept at most. */
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** The newest messages that were read, without a hole: readers who are a little behind need not ask the stream. */
export class RecentMessages {
  #messages: StreamedMessage[] = [];
  #bytes = 0;

  add(message: StreamedMessage): void {
    const last = this.#messages.at(-1)?.seq;
    if (last !== undefined && last + 1 !== message.seq) {
      this.#messages = [];
      this.#bytes = 0;
    }
    this.#messages.push(message);
    this.#bytes += message.data.length;
    while (this.#messages.length > MAX_MESSAGES || (this.#bytes > MAX_BYTES && this.#messages.length > 1)) {
      this.#bytes -= this.#messages.shift()?.data.length ?? 0;
    }
  }

  /** All from a sequence on; undefined when some of them are not here. */
  from(seq: number): readonly StreamedMessage[] | undefined {
    const first = this.#messages[0]?.seq ?? Number.POSITIVE_INFINITY;
    return first <= seq ? this.#messages.slice(seq - first) : undefined;
  }
}
