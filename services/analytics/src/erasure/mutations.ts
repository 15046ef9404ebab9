import type { Logger } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql } from '@millrace/stores';
import { z } from 'zod';
import { beginMutation } from '../begin-mutation.ts';

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
      const params = { batch, ...paramsOf(targets) };
      for (const query of statements.values()) {
        await beginMutation(client, query, { params, timeoutMs: BEGIN_TIMEOUT_MS });
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

/** What is to be done about a batch that was begun. */
export type BatchState =
  /** An operator has stopped it. */
  | { readonly kind: 'killed' }
  /** ClickHouse is at it: the part of the store's files that are rewritten, and what it is stuck at; empty for nothing. */
  | { readonly kind: 'rewriting'; readonly progress: number; readonly error: string }
  /** It was cut off before it was sent whole, or forgotten since. */
  | { readonly kind: 'incomplete'; readonly mutations: number }
  /** Nothing of the targets is left. */
  | { readonly kind: 'rewritten' };

/** Looks how far a batch is. Logs what ClickHouse is stuck at. */
export async function readBatch<Target>(
  store: Mutations<Target>,
  { batch, targets, log }: { batch: string; targets: readonly Target[]; log: Logger },
): Promise<BatchState> {
  const { mutations, partsLeft, isDone, isKilled, failure } = await store.progress(batch);
  if (isKilled) return { kind: 'killed' };
  if (!isDone && mutations >= store.tables) {
    if (failure !== '') log.warn({ batch, failure }, 'ClickHouse can not rewrite a part, and tries again');
    const parts = Math.max(1, partsLeft, await store.parts());
    const error = failure === '' ? '' : 'a part of the store can not be rewritten yet; it is tried again';
    return { kind: 'rewriting', progress: Math.round((1 - partsLeft / parts) * 100) / 100, error };
  }
  if (!isDone || (await store.remaining(targets)) > 0) return { kind: 'incomplete', mutations };
  return { kind: 'rewritten' };
}
