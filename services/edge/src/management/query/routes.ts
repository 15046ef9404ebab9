import type { Value } from '@bufbuild/protobuf/wkt';
import { FileFormat, type RunQueryResponse } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { ColumnType, ReadBy, type Table } from '@millrace/contracts/millrace/query/v1/query';
import { isoTime, MillraceError } from '@millrace/runtime';
import { z } from 'zod';
import type { Api } from '../../request/api.ts';
import { invalid } from '../../request/issues.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { instant, jsonReply } from '../../request/response.ts';
import type { FileReply, Reply } from '../../server/exchange.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { restPath } from './rest-path.ts';
import { queryBody } from './schema.ts';
import { toQuery } from './to-query.ts';

/** Who may ask about a workspace's events. */
export const READ_ACCESS: AccessRule = {
  places: ['apiKey', 'bearer'],
  anyOf: ['analytics:read', 'events:read'],
};

const CSV = 'text/csv';
const PARQUET = 'application/vnd.apache.parquet';

/** Questions about stored events. */
export const queryApi: Api = {
  name: 'query',
  routes: (deps) => [
    {
      method: 'POST',
      path: '/v1/query',
      access: READ_ACCESS,
      documentation: documentation(),
      async handle(exchange, { workspaceId }) {
        const query = toQuery(await receiveJson(exchange, queryBody));
        const format = formatOf(exchange.header('accept') ?? '');
        const asked = deps.questions.runQuery({ workspaceId, query, format }, exchange.signal);
        exchange.reply(encodeAnswer(await placing(asked), format));
      },
      encodeFailure: encodeProblem,
    },
  ],
};

/** The first of the types that a client names and we can write; JSON where it names none. */
function formatOf(accept: string): FileFormat {
  for (const range of accept.split(',')) {
    switch (range.split(';', 1)[0]?.trim().toLowerCase()) {
      case CSV:
        return FileFormat.CSV;
      case PARQUET:
        return FileFormat.PARQUET;
      case 'application/json':
        return FileFormat.UNSPECIFIED;
    }
  }
  return FileFormat.UNSPECIFIED;
}

/** Waits for the service; where it refuses fields, throws RequestFailure `invalid` that says where they stand in the body. */
async function placing<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'invalid_argument') throw error;
    const [first, ...others] = error.details.map(({ field, issue }) => ({
      code: 'custom',
      path: restPath(field),
      message: issue,
    }));
    throw first === undefined ? error : invalid([first, ...others]);
  }
}

function encodeAnswer({ answer }: RunQueryResponse, format: FileFormat): Reply | FileReply {
  switch (answer.case) {
    case 'table':
      return jsonReply(tableBody, 200, tableOf(answer.value));
    case 'file': {
      const type = format === FileFormat.CSV ? `${CSV}; charset=utf-8` : PARQUET;
      return { status: 200, file: answer.value, headers: ['content-type', type] };
    }
    default:
      throw new MillraceError('internal', 'an answer without a form');
  }
}

const COLUMN_TYPES = {
  [ColumnType.UNSPECIFIED]: 'text',
  [ColumnType.TEXT]: 'text',
  [ColumnType.NUMBER]: 'number',
  [ColumnType.TIME]: 'time',
  [ColumnType.TEXT_LIST]: 'text[]',
} as const;

const cell = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]);
const tableBody = z
  .strictObject({
    columns: z.array(
      z.strictObject({ name: z.string(), type: z.enum(['text', 'number', 'time', 'text[]']) }),
    ),
    rows: z.array(z.array(cell)),
    window: z.strictObject({ from: instant(), to: instant() }),
    readBy: z.enum(['columns', 'json']),
    unregisteredProperties: z.array(z.string()),
  })
  .meta({ id: 'QueryAnswer' });

function tableOf({
  columns,
  rows,
  from,
  to,
  readBy,
  unregisteredProperties,
}: Table): z.output<typeof tableBody> {
  return {
    columns: columns.map(({ name, type }) => ({ name, type: COLUMN_TYPES[type] })),
    rows: rows.map(({ values }) => values.map(cellOf)),
    window: { from: isoTime(from) ?? '', to: isoTime(to) ?? '' },
    readBy: readBy === ReadBy.JSON ? 'json' : 'columns',
    unregisteredProperties,
  };
}

function cellOf({ kind }: Value): z.output<typeof cell> {
  switch (kind.case) {
    case 'stringValue':
    case 'numberValue':
    case 'boolValue':
      return kind.value;
    case 'listValue':
      return kind.value.values.map((value) => String(cellOf(value)));
    default:
      return null;
  }
}

function documentation(): RouteDocumentation {
  return {
    summary: 'Ask about stored events',
    description:
      'Time series, breakdowns, funnels, retention and paths; see `docs/compat/query.md`. Needs `analytics:read` or `events:read`. `Accept: text/csv` or `application/vnd.apache.parquet` brings a file.',
    tag: 'Analytics',
    requestBody: { 'application/json': queryBody },
    responses: {
      200: {
        description:
          'Columns, and rows with as many values. `readBy` is `json` where payloads were parsed row by row',
        schema: tableBody,
        files: [CSV, PARQUET],
        example: {
          columns: [
            { name: 'time', type: 'time' },
            { name: 'count', type: 'number' },
          ],
          rows: [['2024-01-30T00:00:00.000Z', 15_000]],
          window: { from: '2024-01-30T00:00:00.000Z', to: '2024-01-31T00:00:00.000Z' },
          readBy: 'columns',
          unregisteredProperties: [],
        },
      },
    },
    errors: problem,
    failures: [
      { kind: 'forbidden', permission: 'analytics:read' },
      {
        kind: 'unavailable',
        retryAfterSeconds: 5,
        description: 'The store is away, or too many questions run',
      },
    ],
  };
}
