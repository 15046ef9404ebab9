import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ListAuditEntriesRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { invalid, toIssues } from '../../request/issues.ts';
import { boundedText, timestamp } from '../../request/json-types.ts';
import { RequestFailure, toFailure } from '../../server/failure.ts';

const MAX_LIMIT = 500;
const DEFAULT_LIMIT = 100;
const MAX_FILTER_CHARS = 255;
/** The analytics service checks the rest: a cursor is its own. */
const MAX_CURSOR_CHARS = 1_024;

/** Query of `GET /v1/audit`; parameters that it doesn't know are left alone. */
export const auditQuery = z.object({
  limit: z
    .string()
    .meta({ type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT })
    .transform((text, context) => {
      const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
      if (limit >= 1 && limit <= MAX_LIMIT) return limit;
      context.issues.push({ code: 'custom', message: `must be 1 to ${MAX_LIMIT}`, input: text });
      return z.NEVER;
    })
    .optional(),
  cursor: boundedText(1, MAX_CURSOR_CHARS).describe('`nextCursor` of the last answer').optional(),
  action: boundedText(1, MAX_FILTER_CHARS).describe('only this action').optional(),
  actor: boundedText(1, MAX_FILTER_CHARS).describe('only what this user did').optional(),
  target: boundedText(1, MAX_FILTER_CHARS).describe('only what was done to the thing of this id').optional(),
  from: timestamp().describe('at or after').optional(),
  to: timestamp().describe('before').optional(),
});

/** What a query asks of a workspace's log. Throws RequestFailure `invalid` naming each wrong parameter. */
export function decodeAuditQuery(
  search: URLSearchParams,
  workspaceId: string,
): MessageInitShape<typeof ListAuditEntriesRequestSchema> {
  const query = Object.fromEntries(search);
  const parsed = auditQuery.safeParse(query);
  if (!parsed.success) throw invalid(toIssues(parsed.error, query));
  const { limit = DEFAULT_LIMIT, cursor = '', action = '', actor = '', target = '', from, to } = parsed.data;
  return {
    workspaceId,
    pageSize: limit,
    pageToken: cursor,
    action,
    actorUserId: actor,
    targetId: target,
    ...(from === undefined ? {} : { from: timestampFromMs(from) }),
    ...(to === undefined ? {} : { to: timestampFromMs(to) }),
  };
}

/** What the query calls the fields of the service's request. */
const PARAMETERS: Readonly<Record<string, string>> = {
  pageSize: 'limit',
  pageToken: 'cursor',
  actorUserId: 'actor',
  targetId: 'target',
};

/** Waits for the service; where it refuses a field, throws RequestFailure `invalid` that names the parameter instead. */
export async function naming<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof MillraceError && error.code === 'invalid_argument' ? renamed(error) : error;
  }
}

function renamed(error: MillraceError): Error {
  const failure = toFailure(error);
  if (failure.kind !== 'invalid') return error;
  const [{ path, ...issue }] = failure.issues;
  const [field] = path;
  const parameter = typeof field === 'string' ? PARAMETERS[field] : undefined;
  if (parameter === undefined) return error;
  return new RequestFailure({ kind: 'invalid', issues: [{ ...issue, path: [parameter] }] });
}
