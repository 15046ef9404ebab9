import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';

/** A time as JSON clients read it, ISO 8601 in UTC with milliseconds; null for one that isn't set. */
export function isoTime(timestamp: Timestamp | undefined): string | null {
  return timestamp === undefined ? null : timestampDate(timestamp).toISOString();
}
