import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fromJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { SqlFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { MillraceError } from '@millrace/runtime';
import type { SqlAnswers } from '../../clients/analytics-streams.ts';
import type { Grant } from '../../clients/credentials.ts';
import type { Api } from '../../request/api.ts';
import { encodeProblem } from '../../request/problem/encode-problem.ts';
import { receiveJson } from '../../request/receive-json.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import { READ_ACCESS } from '../query/routes.ts';
import { CSV, documentation, NDJSON, PARQUET } from './documentation.ts';
import { type SqlBody, sqlBody } from './schema.ts';

/** Read-only SQL over a workspace's own events. */
export const sqlApi: Api = {
  name: 'sql',
  routes: (deps) => [
    {
      method: 'POST',
      path: '/v1/sql',
      access: READ_ACCESS,
      documentation,
      handle: (exchange, grant) => handle(exchange, grant, deps.sql),
      encodeFailure: encodeProblem,
    },
  ],
};

const TYPES: Readonly<Record<SqlFormat, string>> = {
  [SqlFormat.UNSPECIFIED]: 'application/json; charset=utf-8',
  [SqlFormat.NDJSON]: NDJSON,
  [SqlFormat.CSV]: `${CSV}; charset=utf-8`,
  [SqlFormat.PARQUET]: PARQUET,
};

async function handle(exchange: Exchange, { workspaceId }: Grant, sql: SqlAnswers): Promise<void> {
  const { query, params, format: asked } = await receiveJson(exchange, sqlBody);
  const format = asked === undefined ? formatOf(exchange.header('accept') ?? '') : FORMATS[asked];
  const gone = new AbortController();
  exchange.response.once('close', () => gone.abort());
  const values = Object.entries(params).map(([name, value]) => [name, fromJson(ValueSchema, value)]);
  const request = { workspaceId, query, params: Object.fromEntries(values), format };
  const parts = sql.runSql(request, gone.signal)[Symbol.asyncIterator]();
  // The first part comes when all is found, so whatever fails does so here and has a status of its own.
  const first = await parts.next().catch((error: unknown) => {
    throw inWordsOfRequest(error);
  });
  exchange.begin(200, ['content-type', TYPES[format], 'cache-control', 'no-store']);
  const body = async function* () {
    for (let next = first; !next.done; next = await parts.next()) yield next.value.part;
  };
  try {
    await pipeline(Readable.from(body(), { objectMode: false }), exchange.response);
  } catch (error) {
    // `pipeline` has cut the answer off, for the client to see. One that has left is no failure.
    if (error instanceof MillraceError && error.code !== 'canceled') throw error;
  } finally {
    gone.abort();
    // Nobody asks for another part, which is where a signal would be noticed.
    await parts.return?.();
  }
}

const FORMATS: Readonly<Record<NonNullable<SqlBody['format']>, SqlFormat>> = {
  json: SqlFormat.UNSPECIFIED,
  ndjson: SqlFormat.NDJSON,
  csv: SqlFormat.CSV,
  parquet: SqlFormat.PARQUET,
};

const ACCEPTED = new Map<string, SqlFormat>([
  ['application/json', SqlFormat.UNSPECIFIED],
  [NDJSON, SqlFormat.NDJSON],
  [CSV, SqlFormat.CSV],
  [PARQUET, SqlFormat.PARQUET],
]);

/** The first of the types that a client names and we can write; JSON where it names none. */
function formatOf(accept: string): SqlFormat {
  for (const range of accept.split(',')) {
    const format = ACCEPTED.get(range.split(';', 1)[0]?.trim().toLowerCase() ?? '');
    if (format !== undefined) return format;
  }
  return SqlFormat.UNSPECIFIED;
}

/** How long it takes somebody to set SQL up, in seconds. */
const SET_UP_SECONDS = 60;

function inWordsOfRequest(error: unknown): unknown {
  if (!(error instanceof MillraceError) || error.code !== 'unimplemented') return error;
  const { message } = error;
  return new RequestFailure({ kind: 'unavailable', retryAfterSeconds: SET_UP_SECONDS, message });
}
