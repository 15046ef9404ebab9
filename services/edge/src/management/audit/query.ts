import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ListAuditEntriesRequestSchema } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { boundedText, timestamp } from '../../request/json-types.ts';
import { cursor, pageLimit, readQuery } from '../../request/query-string.ts';
import { RequestFailure, toFailure } from '../../server/failure.ts';

const MAX_LIMIT = 500;
const DEFAULT_LIMIT = 100;
const MAX_FILTER_CHARS = 255;

/** Query of `GET /v1/audit`; parameters that it doesn't know are left alone. */
export const auditQuery = z.object({
  limit: pageLimit(MAX_LIMIT).optional(),
  cursor: cursor().optional(),
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
  const {
    limit = DEFAULT_LIMIT,
    cursor: pageToken = '',
    action = '',
    actor = '',
    target = '',
    from,
    to,
  } = readQuery(search, auditQuery);
  return {
    workspaceId,
    pageSize: limit,
    pageToken,
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
