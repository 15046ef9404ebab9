import { loadSql } from '@millrace/stores';
import { z } from 'zod';
import type { Selection } from './questions.ts';

const MAX_BUCKETS = 100;
const MAX_TYPES_OF_USER = 100;
const TOP_USERS = 10;
export const MAX_TYPES = 1_000;
/** Rows of a statement whose rows are types and buckets. */
export const MAX_COUNTS = MAX_TYPES + MAX_BUCKETS;

/** A selection's filters as conditions; empty ones are left out, because they would cost as if they were there. */
const TYPE_FILTER = 'event_type = {eventType:String}';
const USER_FILTER = `user_h IN (
    SELECT user_h FROM events
    WHERE workspace_id = {workspaceId:String} AND positionCaseInsensitiveUTF8(user_id, {userIdPart:String}) > 0
    GROUP BY user_h
)`;
/** What of the window no whole unit covers. */
const EDGES = `(
    (received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({wholeFromMs:Int64}, 'UTC'))
    OR (received_at >= fromUnixTimestamp64Milli({wholeToMs:Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC'))
)`;

const sql = (name: string) =>
  loadSql(import.meta.url, `queries/${name}.sql`)
    .replaceAll('{{edges}}', EDGES)
    .replaceAll('{{top}}', `${TOP_USERS}`)
    .replaceAll('{{types}}', `${MAX_TYPES}`)
    .replaceAll('{{types_of_user}}', `${MAX_TYPES_OF_USER}`);
export const onePassSql = sql('one-pass');
export const countsRollupSql = sql('counts-rollup');
export const usersRollupSql = sql('users-rollup');
export const sessionsRollupSql = sql('sessions-rollup');
export const topUsersSql = sql('top-users');
export const topUsersOfRowsSql = sql('top-users-of-rows');

const count = z.coerce.number();
export const countsRow = z.object({ type: z.string(), bucketMs: count, isBucket: count, count });
export const usersRow = z.object({
  users: count,
  events: count,
  top: z.array(z.tuple([z.string(), z.string()])),
});
const pair = <T extends z.ZodType>(second: T) => z.array(z.tuple([count, second]));
export const onePassRow = usersRow.extend({ types: pair(z.string()), buckets: pair(count), sessions: count });
export const sessionsRow = z.object({ sessions: count });
const userDetailsRow = z.object({ userId: z.string(), lastMs: count, types: z.array(z.string()) });
export const topUserRow = userDetailsRow.extend({ events: count });
export const foundUserRow = userDetailsRow.extend({ userHash: z.string() });

/** What a selection filters by, as a condition. */
export function filterOf({ eventType, userIdPart }: Selection): string {
  const conditions = [
    ...(eventType === '' ? [] : [TYPE_FILTER]),
    ...(userIdPart === '' ? [] : [USER_FILTER]),
  ];
  return conditions.length === 0 ? '1' : conditions.join(' AND ');
}
