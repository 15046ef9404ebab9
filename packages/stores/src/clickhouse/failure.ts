import { ClickHouseError } from '@clickhouse/client';
import { MillraceError } from '@millrace/runtime';

/**
 * ClickHouse's codes for data that it can't read. A body that was cut off on the way gives some of them too,
 * so they accuse a row but don't convict it.
 */
const UNREADABLE_DATA = new Set([
  '6', // CANNOT_PARSE_TEXT
  '26', // CANNOT_PARSE_QUOTED_STRING
  '27', // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  '32', // ATTEMPT_TO_READ_AFTER_EOF
  '33', // CANNOT_READ_ALL_DATA
  '38', // CANNOT_PARSE_DATE
  '41', // CANNOT_PARSE_DATETIME
  '53', // TYPE_MISMATCH
  '69', // ARGUMENT_OUT_OF_BOUND
  '70', // CANNOT_CONVERT_TYPE
  '72', // CANNOT_PARSE_NUMBER
  '117', // INCORRECT_DATA
  '128', // TOO_LARGE_ARRAY_SIZE
  '131', // TOO_LARGE_STRING_SIZE
  '321', // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  '407', // DECIMAL_OVERFLOW
  '436', // PROTOBUF_BAD_CAST
  '444', // UNKNOWN_PROTOBUF_FORMAT
]);

/** Whether ClickHouse complains about the data rather than about itself. */
export function isUnreadableData(error: unknown): error is ClickHouseError {
  return error instanceof ClickHouseError && UNREADABLE_DATA.has(error.code);
}

/** A failed request as `unavailable`: what ClickHouse said is the cause and is never shown to a caller. */
export function storeUnavailable(cause: unknown): MillraceError {
  return new MillraceError('unavailable', 'the event store can not be reached', { cause });
}
