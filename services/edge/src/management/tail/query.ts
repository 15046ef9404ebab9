import { MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import type { TailQuestion } from '../../clients/analytics-streams.ts';
import { invalid } from '../../request/issues.ts';
import { boundedText } from '../../request/json-types.ts';
import { countText, parseQuery } from '../../request/query-string.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure, toFailure } from '../../server/failure.ts';
import { filterText, parseFilter } from '../query/filter-parameter.ts';
import { restPath } from '../query/rest-path.ts';
import { toFilter } from '../query/to-query.ts';

const MAX_LAST = 1_000;
const MAX_TYPES = 20;
/** The analytics service checks the rest: a cursor is its own. */
const MAX_CURSOR_CHARS = 1_024;
const RETRY_AFTER_SECONDS = 5;

/** Query of `GET /v1/events/tail`; parameters that it doesn't know are left alone. */
export const tailQuery = z.object({
  type: z
    .array(boundedText(1, 255))
    .max(MAX_TYPES)
    .describe('only this type: exact, `prefix.*` or `*`; may be given several times')
    .optional(),
  userId: boundedText(1, 128).describe('only this user’s').optional(),
  filter: filterText().optional(),
  last: countText(MAX_LAST, {
    description: 'begin with so many from before, as far as they are near; not with a cursor',
  }).optional(),
  after: boundedText(1, MAX_CURSOR_CHARS)
    .describe('begin behind this cursor; the header `Last-Event-ID` comes before it')
    .optional(),
});

const LAST_EVENT_ID = 'Last-Event-ID';

/** What a request asks to be shown. Throws RequestFailure `invalid` naming each wrong parameter. */
export function decodeTailQuery(
  exchange: Pick<Exchange, 'query' | 'header'>,
  workspaceId: string,
): TailQuestion {
  const search = exchange.query();
  const query = {
    ...Object.fromEntries(search),
    ...(search.has('type') ? { type: search.getAll('type') } : {}),
  };
  const { type = [], userId = '', filter, last = 0, after = '' } = parseQuery(query, tailQuery);
  return {
    ...{ workspaceId, types: type, userId, last, after: resumedAt(exchange) ?? after },
    ...(filter !== undefined && { filter: toFilter(parseFilter(filter)) }),
  };
}

/** A browser that comes again sends it beside the URL that it began with. */
function resumedAt(exchange: Pick<Exchange, 'header'>): string | undefined {
  return exchange.header('last-event-id')?.trim() || undefined;
}

const PARAMETERS: Readonly<Record<string, string>> = { types: 'type' };

/** A failure of the service in the request's words: the parameter that it is about, and too many tails as a limit. */
export function inWordsOf(exchange: Pick<Exchange, 'header'>, error: unknown): unknown {
  if (!(error instanceof MillraceError)) return error;
  if (error.code === 'resource_exhausted') {
    return new RequestFailure({ kind: 'rate_limited', retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
  const failure = toFailure(error);
  if (failure.kind !== 'invalid') return error;
  const [{ path, ...issue }] = failure.issues;
  const [field = '', ...within] = restPath(String(path[0]));
  const isHeader = field === 'after' && resumedAt(exchange) !== undefined;
  const name = isHeader ? LAST_EVENT_ID : (PARAMETERS[field] ?? field);
  return invalid([{ ...issue, path: [name, ...within] }]);
}
