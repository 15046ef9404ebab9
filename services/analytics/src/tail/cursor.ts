import { fieldError } from '@millrace/runtime';

/** A place in the stream: everything up to it is done with. */
export interface Position {
  readonly seq: number;
  /** Of the last event within the message; `WHOLE` when all of it is done with. */
  readonly index: number;
}

/** The index behind every event of a message. */
export const WHOLE = 0xffff_ffff;

/** The position behind a message. */
export function behind(seq: number): Position {
  return { seq, index: WHOLE };
}

/** The first message that may hold something behind a position. */
export function nextSeq({ seq, index }: Position): number {
  return index === WHOLE ? seq + 1 : seq;
}

/** Whether a position is further than another. */
export function isFurther(a: Position, b: Position): boolean {
  return a.seq > b.seq || (a.seq === b.seq && a.index > b.index);
}

/** Longest that a cursor can be, in characters. */
const MAX_CHARS = 64;
const FORM = /^([0-9a-z]{1,12})\.([0-9a-z]{1,11})\.([0-9a-z]{1,7})$/;

/**
 * A position as clients keep it. Sequences count over all shards, so one of them is the place in every shard; the stream's id
 * tells when another one has come in its place.
 */
export function encodeCursor(streamId: string, { seq, index }: Position): string {
  return Buffer.from(`${streamId}.${seq.toString(36)}.${index.toString(36)}`).toString('base64url');
}

/** Reads what `encodeCursor` has written. Throws `invalid_argument` naming `after`. */
export function decodeCursor(cursor: string): { streamId: string; position: Position } {
  const text = cursor.length <= MAX_CHARS ? Buffer.from(cursor, 'base64url').toString('latin1') : '';
  const [, streamId = '', seqText = '', indexText = ''] = FORM.exec(text) ?? [];
  const position = { seq: Number.parseInt(seqText, 36), index: Number.parseInt(indexText, 36) };
  const isSound = Number.isSafeInteger(position.seq) && position.index <= WHOLE;
  if (!isSound || encodeCursor(streamId, position) !== cursor) {
    throw fieldError('after', 'must be a cursor of an earlier tail');
  }
  return { streamId, position };
}
