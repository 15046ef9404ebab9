import { problem } from '../../request/problem/encode-problem.ts';
import type { RouteDocumentation } from '../../server/route.ts';
import { sqlBody, sqlTable } from './schema.ts';

/** Media types of answers. */
export const NDJSON = 'application/x-ndjson';
export const CSV = 'text/csv';
export const PARQUET = 'application/vnd.apache.parquet';

/** What `/openapi.json` says of `POST /v1/sql`. */
export const documentation: RouteDocumentation = {
  summary: 'Ask by SQL',
  description:
    'One SELECT over the table `events`, which has the events of the credential’s workspace; see `docs/sql.md`. Needs `analytics:read` or `events:read`. `Accept: application/x-ndjson`, `text/csv` or `application/vnd.apache.parquet` brings another form.',
  tag: 'Analytics',
  requestBody: { 'application/json': sqlBody },
  responses: {
    200: {
      description: 'Columns with ClickHouse’s types, and rows with as many values',
      schema: sqlTable,
      files: [NDJSON, CSV, PARQUET],
      example: {
        columns: [
          { name: 'event_type', type: 'LowCardinality(String)' },
          { name: 'n', type: 'UInt64' },
        ],
        rows: [['user_signup', 15_000]],
      },
    },
  },
  errors: problem,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['query'], message: 'may not call file' }],
      description: 'The statement is wrong, does what it may not, or takes too much; the problem says which',
    },
    { kind: 'forbidden', permission: 'analytics:read' },
    {
      kind: 'unavailable',
      retryAfterSeconds: 5,
      description: 'The store is away, too many statements run, or SQL is not set up here',
    },
  ],
};
