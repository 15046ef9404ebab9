import { MillraceError } from '@millrace/runtime';
import { ask, type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { z } from 'zod';
import { consistency } from './lease.ts';
import { type Migration, type MigrationTarget, readMigrations } from './read-migrations.ts';

/** A row of `millrace.migrations`. */
export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  /** ClickHouse's text of the time, UTC. */
  readonly appliedAt: string;
  /** Empty where it was recorded before there were checksums. */
  readonly checksum: string;
}

/** The record of what was applied. Every call throws `unavailable` when ClickHouse doesn't answer. */
export interface Ledger {
  /** `none` before the first start, `old` from before there were checksums. */
  state(): Promise<'none' | 'old' | 'current'>;
  applied(): Promise<AppliedMigration[]>;
  /** The same of an `old` one. */
  appliedUnchecked(): Promise<AppliedMigration[]>;
  record(migration: Migration): Promise<void>;
  /** Gives a row from before there were checksums the one of the file. */
  adopt(migration: Migration): Promise<void>;
}

const QUESTION_TIMEOUT_MS = 10_000;

const appliedSql = loadSql(import.meta.url, 'queries/applied.sql');
const uncheckedSql = loadSql(import.meta.url, 'queries/applied-unchecked.sql');
const recordSql = loadSql(import.meta.url, 'queries/record.sql');
const adoptSql = loadSql(import.meta.url, 'queries/adopt.sql');
const columnsSql = loadSql(import.meta.url, 'queries/ledger-columns.sql');
const appliedRow = z.object({
  number: z.coerce.number(),
  name: z.string(),
  appliedAt: z.string(),
  checksum: z.string(),
});
const columnRow = z.object({ name: z.string() });

/** Opens the ledger of a database, which need not exist yet. */
export function openLedger(client: ClickHouseClient, target: MigrationTarget): Ledger {
  const { database } = target;
  const { inserts, questions } = consistency(target);
  const list = (sql: string) =>
    ask(client, {
      sql,
      params: { database },
      row: appliedRow,
      timeoutMs: QUESTION_TIMEOUT_MS,
      settings: questions,
    });
  const insert = async (query: string, params: Record<string, unknown>) => {
    try {
      await client.command({
        query,
        query_params: { database, ...params },
        abort_signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS),
        clickhouse_settings: { ...inserts, wait_end_of_query: 1 },
      });
    } catch (error) {
      throw storeUnavailable(error);
    }
  };
  return {
    async state() {
      const columns = await ask(client, {
        sql: columnsSql,
        params: { database },
        row: columnRow,
        timeoutMs: QUESTION_TIMEOUT_MS,
      });
      if (columns.length === 0) return 'none';
      return columns.some(({ name }) => name === 'checksum') ? 'current' : 'old';
    },
    applied: () => list(appliedSql),
    appliedUnchecked: () => list(uncheckedSql),
    record: ({ number, name, checksum }) => insert(recordSql, { number, name, checksum }),
    adopt: ({ number, checksum }) => insert(adoptSql, { number, checksum }),
  };
}

/** What is left to do. */
export interface Pending {
  readonly missing: readonly Migration[];
  /** Applied before there were checksums. */
  readonly unchecked: readonly Migration[];
}

/**
 * Holds the files against the ledger. Throws `failed_precondition` naming every file that was edited since it was applied.
 * What the ledger has beyond the files is a newer release's, which may be rolled out next to this one.
 */
export function comparePending(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): Pending {
  const recorded = new Map(applied.map((row) => [row.number, row]));
  const edited = migrations.filter(({ number, checksum }) => {
    const known = recorded.get(number)?.checksum ?? '';
    return known !== '' && known !== checksum;
  });
  if (edited.length > 0) throw editedFiles(edited, recorded);
  return {
    missing: migrations.filter(({ number }) => !recorded.has(number)),
    unchecked: migrations.filter(({ number }) => recorded.get(number)?.checksum === ''),
  };
}

function editedFiles(
  edited: readonly Migration[],
  recorded: ReadonlyMap<number, AppliedMigration>,
): MillraceError {
  const each = edited.map(
    ({ file, number, checksum }) =>
      `${file} (applied with SHA-256 ${recorded.get(number)?.checksum}, now ${checksum})`,
  );
  return new MillraceError(
    'failed_precondition',
    `migrations were edited after they had been applied: ${each.join(', ')}. ` +
      'Put each file back as it was in the release that applied it, and make the change in a new migration',
  );
}

/** How one migration stands. */
export interface MigrationState {
  readonly number: number;
  readonly name: string;
  /** `unchecked`: applied before there were checksums; `newer`: of a release after this one. */
  readonly state: 'applied' | 'missing' | 'edited' | 'unchecked' | 'newer';
  /** ClickHouse's text of the time, UTC; empty for one that is missing. */
  readonly appliedAt: string;
}

/** Every migration, in order, of the files and of the ledger. Changes nothing. */
export async function readMigrationStates(
  client: ClickHouseClient,
  target: MigrationTarget,
  directory?: URL,
): Promise<MigrationState[]> {
  const files = readMigrations(target, directory);
  const ledger = openLedger(client, target);
  const kind = await ledger.state();
  const applied =
    kind === 'none' ? [] : await (kind === 'old' ? ledger.appliedUnchecked() : ledger.applied());
  const recorded = new Map(applied.map((row) => [row.number, row]));
  const known = files.map(({ number, name, checksum }): MigrationState => {
    const row = recorded.get(number);
    if (row === undefined) return { number, name, state: 'missing', appliedAt: '' };
    const isChecked = row.checksum === checksum ? 'applied' : 'edited';
    return { number, name, state: row.checksum === '' ? 'unchecked' : isChecked, appliedAt: row.appliedAt };
  });
  const newer = applied
    .filter(({ number }) => number > files.length)
    .map(({ number, name, appliedAt }): MigrationState => ({ number, name, state: 'newer', appliedAt }));
  return [...known, ...newer];
}
