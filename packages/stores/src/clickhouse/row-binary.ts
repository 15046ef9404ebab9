import { varintLength, writeVarint } from '@millrace/wire';

/** Writes values as ClickHouse's format `RowBinary` has them: one behind the other, in the order of the columns. */
export interface RowBinary {
  /** What has been written since the last `take`. */
  readonly bytes: number;
  /** String and LowCardinality(String): any bytes. */
  text(value: string | Buffer): void;
  uint16(value: number): void;
  uint32(value: number): void;
  /** Int64, UInt64 up to 2^53, and DateTime64 in its own unit. */
  int64(value: number): void;
  /** Nullable of whatever `write` writes. */
  nullable<T>(value: T | undefined, write: (value: T) => void): void;
  /** What was written, to keep; begins anew. */
  take(): Buffer;
}

const INITIAL_BYTES = 64 * 1024;
const LONGEST_NUMBER = 10;

/** Begins with nothing written. Numbers that the type can't hold throw RangeError. */
export function createRowBinary(): RowBinary {
  let buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  let at = 0;
  const reserve = (bytes: number): void => {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };
  return {
    get bytes() {
      return at;
    },
    text(value) {
      const length = typeof value === 'string' ? Buffer.byteLength(value) : value.length;
      reserve(varintLength(length) + length);
      at = writeVarint(buffer, length, at);
      at += typeof value === 'string' ? buffer.write(value, at) : value.copy(buffer, at);
    },
    uint16(value) {
      reserve(LONGEST_NUMBER);
      at = buffer.writeUInt16LE(value, at);
    },
    uint32(value) {
      reserve(LONGEST_NUMBER);
      at = buffer.writeUInt32LE(value, at);
    },
    int64(value) {
      reserve(LONGEST_NUMBER);
      at = buffer.writeBigInt64LE(BigInt(value), at);
    },
    nullable(value, write) {
      reserve(LONGEST_NUMBER);
      buffer[at++] = value === undefined ? 1 : 0;
      if (value !== undefined) write(value);
    },
    take() {
      const taken = Buffer.from(buffer.subarray(0, at));
      at = 0;
      return taken;
    },
  };
}
