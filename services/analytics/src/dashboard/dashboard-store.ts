import { ask, type ClickHouseClient, type ClickHouseSettings } from '@millrace/stores';
import type { z } from 'zod';
import type { AnalyticsMetrics } from '../metrics.ts';
import { askRollups } from '../rollup-tables.ts';
import type { Selection } from './questions.ts';
import { filterOf } from './statements.ts';

/** A statement, which may name the selection and its window beside its own parameters. */
export interface StoreStatement {
  readonly sql: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** One whose rows are parsed. */
export interface StoreQuestion<Row> extends StoreStatement {
  readonly row: z.ZodType<Row>;
}

/** Asks about one selection. Throws MillraceError `unavailable` when no answer comes in time. */
export interface DashboardStore {
  ask<Row>(name: string, question: StoreQuestion<Row>, settings?: ClickHouseSettings): Promise<Row[]>;
  /** Of a statement that names rollups. */
  askRollups<Row>(name: string, question: StoreQuestion<Row>): Promise<Row[]>;
}

const TIMEOUT_MS = 4_500;

/** Asks ClickHouse. */
export function createDashboardStore(options: {
  client: ClickHouseClient;
  metrics: AnalyticsMetrics;
  selection: Selection;
  signal: AbortSignal;
}): DashboardStore {
  const { client, metrics, selection, signal } = options;
  const filled = ({ sql, params }: StoreStatement, settings: ClickHouseSettings) => ({
    sql: sql.replaceAll('{{filter}}', filterOf(selection)),
    params: { ...selection, ...selection.window, ...params },
    timeoutMs: TIMEOUT_MS,
    signal,
    settings,
  });
  const put = <Row>(question: StoreQuestion<Row>, settings: ClickHouseSettings) =>
    ask(client, { ...filled(question, settings), row: question.row });
  return {
    ask: (name, question, settings = {}) => metrics.timed(name, () => put(question, settings)),
    askRollups: (name, question) =>
      metrics.timed(name, () =>
        askRollups(question.sql, (sql, settings) => put({ ...question, sql }, settings)),
      ),
  };
}
