import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Grant } from '../../clients/credentials.ts';
import type { Api, ApiDeps } from '../../request/api.ts';
import { invalid } from '../../request/issues.ts';
import { boundedText, timestamp } from '../../request/json-types.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { readQuery } from '../../request/query-string.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { exportEvents, RETRY_AFTER_SECONDS } from './export-events.ts';

const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['events:read'] };

const MAX_USER_ID_CHARS = 255;
const NDJSON = 'application/x-ndjson';
const PARQUET = 'application/vnd.apache.parquet';

/** A workspace's or a user's events as a file. */
export const exportApi: Api = {
  name: 'export',
  routes: (deps) => [
    {
      method: 'GET',
      path: '/v1/export',
      access: ACCESS,
      documentation: documentation(),
      handle: (exchange, grant) => handle(exchange, grant, deps),
      encodeFailure: encodeProblem,
    },
  ],
};

const exportQuery = z.object({
  format: z.enum(['ndjson', 'parquet']).default('ndjson'),
  userId: boundedText(1, MAX_USER_ID_CHARS).describe('only this user’s events').optional(),
  from: timestamp().describe('received at or after').optional(),
  to: timestamp().describe('received before; now if not given').optional(),
});

async function handle(exchange: Exchange, grant: Grant, deps: ApiDeps): Promise<void> {
  const { request, response } = exchange;
  const { format, userId = '', from: fromMs, to: toMs } = decodeQuery(exchange.query());
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const wanted = { format, userId, fromMs, toMs };
  const pieces = exportEvents(deps, { grant, exchange }, wanted, gone.signal);
  try {
    await pieces.next();
    const name = format === 'parquet' ? 'events.parquet' : 'events.ndjson';
    const disposition = `attachment; filename="${name}"`;
    const type = format === 'parquet' ? PARQUET : NDJSON;
    exchange.begin(200, [
      'content-type',
      type,
      'content-disposition',
      disposition,
      'cache-control',
      'no-store',
    ]);
    if (request.method !== 'HEAD') for await (const piece of pieces) await write(response, piece);
    response.end();
  } catch (error) {
    // A file that isn't whole must not look as if it were: the connection breaks off.
    if (!response.headersSent) throw error;
    response.destroy();
  } finally {
    await pieces.return(undefined);
  }
}

function decodeQuery(search: URLSearchParams): z.output<typeof exportQuery> {
  const query = readQuery(search, exportQuery);
  const { from, to } = query;
  if (from !== undefined && to !== undefined && from > to)
    throw invalid([{ code: 'custom', path: ['from'], message: 'must not be after `to`' }]);
  return query;
}

/** Resolves when the client has taken what was written, or has gone. */
async function write(response: Exchange['response'], data: Uint8Array): Promise<void> {
  // Both classes take bytes; their types only share no call.
  if (response.destroyed || data.length === 0 || (response as ServerResponse).write(data)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

function documentation(): RouteDocumentation {
  return {
    summary: 'Export events',
    description:
      'Needs `events:read`. All stored events of the workspace, or of a user, by arrival: JSON lines, payloads as they came, or Parquet, payloads as JSON text. It is sent as it is read; a connection that breaks off has not brought all.',
    tag: 'Events',
    query: exportQuery,
    responses: {
      200: {
        description: 'The file',
        files: [NDJSON, PARQUET],
      },
    },
    errors: problem,
    failures: [
      {
        kind: 'invalid',
        issues: [{ code: 'custom', path: ['from'], message: 'must not be after `to`' }],
        description: 'A parameter is not valid; the problem names it',
      },
      { kind: 'forbidden', permission: 'events:read' },
      {
        kind: 'rate_limited',
        retryAfterSeconds: RETRY_AFTER_SECONDS,
        description: 'The credential’s limit, or the workspace has two exports running',
      },
      { kind: 'unavailable', retryAfterSeconds: 1 },
    ],
  };
}
