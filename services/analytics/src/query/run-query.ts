import type { MessageInitShape } from '@bufbuild/protobuf';
import { NullValue, timestampFromMs, type ValueSchema } from '@bufbuild/protobuf/wkt';
import { FileFormat, type RunQueryRequest } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { type Query, ReadBy, type TableSchema } from '@millrace/contracts/millrace/query/v1/query';
import { type Clock, fieldError } from '@millrace/runtime';
import { breakdownStatement } from './breakdown.ts';
import { funnelStatement } from './funnel.ts';
import { pathsStatement } from './paths.ts';
import { type Cell, type QueryStore, readableStatement } from './query-store.ts';
import { retentionStatement } from './retention.ts';
import type { PropertyColumns, Statement } from './statement.ts';
import { timeSeriesStatement } from './time-series.ts';
import { type QuestionScope, readWindow } from './window.ts';

/** An answer in the form that was asked for. */
export type QueryAnswer =
  | { readonly case: 'table'; readonly value: MessageInitShape<typeof TableSchema> }
  | { readonly case: 'file'; readonly value: Uint8Array };

/**
 * Answers a workspace's question. Throws MillraceError `invalid_argument` that names the field, `resource_exhausted` for a question
 * that takes too much or comes while too many others run, and `unavailable`.
 */
export async function runQuery(
  store: QueryStore,
  request: RunQueryRequest,
  properties: PropertyColumns,
  clock: Clock,
  signal: AbortSignal,
): Promise<QueryAnswer> {
  const { workspaceId, query, format } = request;
  if (workspaceId === '') throw fieldError('workspace_id', 'is required');
  if (query === undefined) throw fieldError('query', 'is required');
  const window = readWindow(query.window, clock.now());
  const { filter } = query;
  const compile = (columns: PropertyColumns) =>
    statementOf(query, { workspaceId, window, filter, properties: columns });
  const statement = await readableStatement(store, workspaceId, properties, compile, signal);
  if (format === FileFormat.CSV || format === FileFormat.PARQUET) {
    return { case: 'file', value: await store.file(workspaceId, statement, format, signal) };
  }
  const rows = await store.rows(workspaceId, statement, signal);
  return {
    case: 'table',
    value: {
      columns: [...statement.columns],
      rows: rows.map((values) => ({ values: values.map(toValue) })),
      from: timestampFromMs(window.fromMs),
      to: timestampFromMs(window.toMs),
      readBy: statement.parsesJson ? ReadBy.JSON : ReadBy.COLUMNS,
      unregisteredProperties: [...statement.unregisteredPaths],
    },
  };
}

function statementOf({ question }: Query, scope: QuestionScope): Statement {
  switch (question.case) {
    case 'timeSeries':
      return timeSeriesStatement(question.value, scope);
    case 'breakdown':
      return breakdownStatement(question.value, scope);
    case 'funnel':
      return funnelStatement(question.value, scope);
    case 'retention':
      return retentionStatement(question.value, scope);
    case 'paths':
      return pathsStatement(question.value, scope);
    default:
      throw fieldError('query', 'needs one of time_series, breakdown, funnel, retention and paths');
  }
}

function toValue(cell: Cell): MessageInitShape<typeof ValueSchema> {
  if (cell === null) return { kind: { case: 'nullValue', value: NullValue.NULL_VALUE } };
  switch (typeof cell) {
    case 'string':
      return { kind: { case: 'stringValue', value: cell } };
    case 'number':
      return { kind: { case: 'numberValue', value: cell } };
    case 'boolean':
      return { kind: { case: 'boolValue', value: cell } };
    default:
      return { kind: { case: 'listValue', value: { values: cell.map(toValue) } } };
  }
}
