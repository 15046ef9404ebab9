const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
const COLON = 58;
const LOWER_CASE = 0x20;
const LETTER_C = 0x63;
const LETTER_L = 0x6c;
/** `HTTP/1.1 202`: the status follows these. */
const STATUS_OFFSET = 9;
const CONTENT_LENGTH_NAME = 'content-length'.length;

/**
 * Finds the end of each response on a connection that has one request under way at a time. Reads the status and the
 * length, and nothing else: the core that makes the load must not be the bottleneck.
 */
export class ResponseParser {
  /** The beginning of a head whose end has not come yet. */
  #partialHead: Buffer | undefined;
  #bodyBytesLeft = 0;
  #status = 0;

  /**
   * Takes the first `length` of these bytes, which may be overwritten afterwards. Returns the status when they complete
   * a response and 0 when more is to come. Throws when they aren't a response with a length, or exceed one.
   */
  push(bytes: Buffer, length: number): number {
    if (this.#bodyBytesLeft > 0) return this.#takeBody(length);
    if (this.#partialHead === undefined) return this.#takeHead(bytes, length);
    const joined = Buffer.concat([this.#partialHead, bytes.subarray(0, length)]);
    this.#partialHead = undefined;
    return this.#takeHead(joined, joined.length);
  }

  #takeHead(bytes: Buffer, length: number): number {
    let contentLength = -1;
    for (let at = STATUS_OFFSET; at < length - 2; at++) {
      if (bytes[at] !== LINE_FEED) continue;
      const line = at + 1;
      if (bytes[line] === CARRIAGE_RETURN) return this.#endHead(bytes, line + 2, length, contentLength);
      if (isContentLength(bytes, line))
        contentLength = readNumber(bytes, line + CONTENT_LENGTH_NAME + 1, length);
    }
    this.#partialHead = Buffer.from(bytes.subarray(0, length));
    return 0;
  }

  #endHead(bytes: Buffer, headEnd: number, length: number, contentLength: number): number {
    if (contentLength < 0) throw new Error('a response has no content-length');
    this.#status =
      digit(bytes, STATUS_OFFSET) * 100 +
      digit(bytes, STATUS_OFFSET + 1) * 10 +
      digit(bytes, STATUS_OFFSET + 2);
    this.#bodyBytesLeft = contentLength;
    return this.#takeBody(length - headEnd);
  }

  #takeBody(length: number): number {
    if (length > this.#bodyBytesLeft) throw new Error('a response is longer than its content-length');
    this.#bodyBytesLeft -= length;
    return this.#bodyBytesLeft === 0 ? this.#status : 0;
  }
}

function isContentLength(bytes: Buffer, line: number): boolean {
  return (
    bytes[line + CONTENT_LENGTH_NAME] === COLON &&
    ((bytes[line] ?? 0) | LOWER_CASE) === LETTER_C &&
    ((bytes[line + 'content-'.length] ?? 0) | LOWER_CASE) === LETTER_L
  );
}

function readNumber(bytes: Buffer, from: number, length: number): number {
  let value = 0;
  for (let at = from; at < length && bytes[at] !== CARRIAGE_RETURN; at++) {
    const number = digit(bytes, at);
    if (number >= 0 && number <= 9) value = value * 10 + number;
  }
  return value;
}

function digit(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0) - 48;
}
