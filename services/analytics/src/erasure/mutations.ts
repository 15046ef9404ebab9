import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';

/** How far a batch's mutations are. */
export interface MutationProgress {
  readonly mutations: number;
  readonly partsLeft: number;
  readonly isDone: boolean;
  readonly isKilled: boolean;
  /** What ClickHouse said of the last part that it couldn't rewrite; empty for nothing. */
  readonly failure: string;
}

/** Rows that are deleted from several tables together. Every call throws MillraceError `unavailable` when ClickHouse doesn't answer. */
export interface Mutations<Target> {
  /** Tables, each with a mutation of its own. */
  readonly tables: number;
  /** Has the rows and their projections rewritten without the targets', in the background; repeating it is harmless. */
  begin(batch: string, targets: readonly Target[]): Promise<void>;
  progress(batch: string): Promise<MutationProgress>;
  /** How many rows of the targets are left. */
  remaining(targets: readonly Target[]): Promise<number>;
  /** The parts that a mutation has to look at. */
  parts(): Promise<number>;
}

const BEGIN_TIMEOUT_MS = 30_000;
const QUESTION_TIMEOUT_MS = 10_000;
/** A count reads the workspaces' rows, with their user ids. */
const COUNT_TIMEOUT_MS = 120_000;

const progressSql = loadSql(import.meta.url, 'queries/progress.sql');
const partsSql = loadSql(import.meta.url, 'queries/parts.sql');

const remainingRow = z.object({ remaining: z.coerce.number() });
const partsRow = z.object({ parts: z.coerce.number() });
const progressRow = z.object({
  mutations: z.coerce.number(),
  partsLeft: z.coerce.number(),
  isDone: z.coerce.number(),
  isKilled: z.coerce.number(),
  failure: z.string(),
});

/** Asks through a client whose default database has the tables. */
export function createMutations<Target>(options: {
  client: ClickHouseClient;
  /** The statement of each table, in the order in which they are sent; each names `{batch:String}`. */
  statements: ReadonlyMap<string, string>;
  remaining: string;
  paramsOf: (targets: readonly Target[]) => Record<string, unknown>;
}): Mutations<Target> {
  const { client, statements, paramsOf } = options;
  const tables = [...statements.keys()];
  return {
    tables: tables.length,
    async begin(batch, targets) {
      const query_params = { batch, ...paramsOf(targets) };
      try {
        for (const query of statements.values()) {
          await client.command({
            query,
            query_params,
            use_multipart_params: true,
            clickhouse_settings: { mutations_sync: '0' },
            abort_signal: AbortSignal.timeout(BEGIN_TIMEOUT_MS),
          });
        }
      } catch (error) {
        throw storeUnavailable(error);
      }
    },
    async progress(batch) {
      const [row] = await ask(client, {
        sql: progressSql,
        params: { batch, tables },
        row: progressRow,
        timeoutMs: QUESTION_TIMEOUT_MS,
      });
      const { mutations = 0, partsLeft = 0, isDone = 0, isKilled = 0, failure = '' } = row ?? {};
      // Of those that belong together some may be missing: it was cut off between them.
      return {
        mutations,
        partsLeft,
        isDone: mutations >= tables.length && isDone === 1,
        isKilled: isKilled === 1,
        failure,
      };
    },
    async remaining(targets) {
      const [row] = await ask(client, {
        sql: options.remaining,
        params: paramsOf(targets),
        row: remainingRow,
        timeoutMs: COUNT_TIMEOUT_MS,
      });
      return row?.remaining ?? 0;
    },
    async parts() {
      const [row] = await ask(client, {
        sql: partsSql,
        params: { tables },
        row: partsRow,
        timeoutMs: QUESTION_TIMEOUT_MS,
      });
      return row?.parts ?? 0;
    },
  };
}
