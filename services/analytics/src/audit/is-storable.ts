import type { AuditEntry } from './ports.ts';

/** The end of the times that the log holds, in milliseconds since 1970: far inside of what the column can. */
export const END_OF_TIME_MS = Date.UTC(2200, 0, 1);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether the table can hold the entry: one that it refused would keep back all that are inserted with it. */
export function isStorable({ id, atMs }: AuditEntry): boolean {
  return UUID.test(id) && atMs >= 0n && atMs < BigInt(END_OF_TIME_MS);
}
