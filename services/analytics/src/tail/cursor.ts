import { fieldError } from '@millrace/runtime';
import { type Position, WHOLE } from '@millrace/wire';

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
