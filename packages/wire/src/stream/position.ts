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

/** The place in front of an event: its message has more in front of it, or it is the first. */
export function before({ seq, index }: Position): Position {
  return index > 0 ? { seq, index: index - 1 } : behind(seq - 1);
}
