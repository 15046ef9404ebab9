import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ListEventsRequestSchema } from '@millrace/contracts/millrace/api/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import { invalid } from '../../request/issues.ts';
import { boundedText, timestamp } from '../../request/json-types.ts';
import { cursor, pageLimit, readQuery } from '../../request/query-string.ts';
import type { Issue } from '../../server/failure.ts';
import { filterText, parseFilter } from '../query/filter-parameter.ts';
import { restPath } from '../query/rest-path.ts';
import type { FilterJson } from '../query/schema.ts';
import { toFilter, toWindow } from '../query/to-query.ts';

const MAX_LIMIT = 1_000;

/** Query of `GET /v1/events`; parameters that it doesn't know are left alone. */
export const eventsQuery = z.object({
  type: boundedText(1, 255).describe('only this type').optional(),
  userId: boundedText(1, 128).describe('only this user’s').optional(),
  sessionId: boundedText(1, 128).describe('only of this session').optional(),
  from: timestamp().describe('received at or after; 7 days before `to` when absent').optional(),
  to: timestamp().describe('received before; now when absent').optional(),
  filter: filterText().optional(),
  limit: pageLimit(MAX_LIMIT).optional(),
  cursor: cursor().optional(),
});

/** What a query asks for. Throws RequestFailure `invalid` naming each wrong parameter. */
export function decodeEventsQuery(search: URLSearchParams): MessageInitShape<typeof ListEventsRequestSchema> {
  const {
    type,
    userId,
    sessionId,
    from,
    to,
    filter,
    limit = 0,
    cursor: pageToken = '',
  } = readQuery(search, eventsQuery);
  // The caller's own filter comes first, so that its place is known where the service refuses a part of it.
  const parts: FilterJson[] = [filter === undefined ? { and: [] } : parseFilter(filter)];
  for (const [field, eq] of Object.entries({ type, userId, sessionId })) {
    if (eq !== undefined) parts.push({ field, eq });
  }
  return {
    window: toWindow({ from, to, by: 'arrival', timeZone: 'UTC', weekStart: 'monday' }),
    filter: toFilter({ and: parts }),
    pageSize: limit,
    pageToken,
  };
}

const PARAMETERS: Readonly<Record<string, string>> = {
  pageSize: 'limit',
  pageToken: 'cursor',
  eventType: 'type',
};

/** Waits for the service; where it refuses fields, throws RequestFailure `invalid` that names the parameters. */
export async function namingParameters<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'invalid_argument') throw error;
    if (error.details.length === 0) throw error;
    throw invalid(error.details.map(({ field, issue }) => issueAt(restPath(field), issue)));
  }
}

function issueAt(path: readonly (string | number)[], message: string): Issue {
  const [first, second, third] = path;
  if (first === 'window') return { code: 'custom', path: path.slice(1), message };
  if (first === 'filter' && second === 'and' && third === 0) {
    return { code: 'custom', path: ['filter', ...path.slice(3)], message };
  }
  const name = typeof first === 'string' ? PARAMETERS[first] : undefined;
  return { code: 'custom', path: name === undefined ? path : [name], message };
}
