import {
  listMutations,
  listParts,
  listRollups,
  materialize,
  migrate,
  type Part,
  partsWithout,
  type Rollup,
  type RollupVerdict,
  readMigrationStates,
  verifyRollups,
} from '@millrace/analytics';
import { MillraceError } from '@millrace/runtime';
import { Command } from 'commander';
import { createProgress } from './migrate-parts/progress.ts';
import { explain, openStore, type Store } from './migrate-parts/store.ts';

const TABLE = 'events';
/** Of those that differ. */
const SHOWN_PARTS = 10;
const progress = createProgress(process.stderr, () => performance.now());

/** What a command is given; it returns the exit code. */
interface Run {
  readonly store: Store;
  readonly signal: AbortSignal;
}

const program = new Command('scripts/migrate')
  .description(
    'Brings a ClickHouse up to date, and looks after the rollups of its events. Which one: CLICKHOUSE_URL, _USER, _PASSWORD, _DATABASE, _CLUSTER and _TLS_… as for the services, or --data.',
  )
  .option('--data <dir>', 'the embedded stack that runs on this data directory, instead of the settings')
  .showHelpAfterError('(scripts/migrate --help lists the commands)')
  .configureHelp({ showGlobalOptions: true })
  .allowExcessArguments(false)
  .action(() => perform(bringUpToDate));
program
  .command('verify')
  .description('compare every projection with the rows, all workspaces; exit 1 when one says something else')
  .action(() => perform(verify));
program
  .command('materialize')
  .description(
    'give a projection or an index to what was stored before it existed; ClickHouse goes on when this is interrupted, and a second run waits for the same work',
  )
  .argument('[name]', 'a projection or an index of the events table')
  .option('--all', 'every projection that some part lacks, and every index')
  .action((name: string | undefined, { all = false }: { all?: boolean }) =>
    perform((run) => materializeNamed(run, name, all)),
  );
program
  .command('status')
  .description('list the migrations with their state, and the rollups with the parts that have them')
  .action(() => perform(status));
await program.parseAsync();

async function perform(command: (run: Run) => Promise<number>): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  let store: Store | undefined;
  try {
    store = openStore(process.env, program.opts<{ data?: string }>().data);
    process.exitCode = await command({ store, signal: interrupted.signal });
  } catch (error) {
    progress.end();
    process.exitCode = interrupted.signal.aborted ? 130 : 1;
    const reason = explain(error, store ?? { url: '', user: '' });
    process.stderr.write(
      interrupted.signal.aborted ? 'interrupted; ClickHouse goes on with what it has begun\n' : `${reason}\n`,
    );
  } finally {
    await store?.client.close();
  }
}

async function bringUpToDate({ store, signal }: Run): Promise<number> {
  const { client, database, cluster, log } = store;
  const { applied, adopted } = await migrate({ client, target: { database, cluster }, log, signal });
  for (const file of adopted) say(`${file}: was applied before there were checksums, has one now`);
  for (const file of applied) say(`${file}: applied`);
  say(`${database} at ${store.url} is up to date`);
  return 0;
}

async function verify({ store, signal }: Run): Promise<number> {
  await requireSchema(store);
  const verdicts = await verifyRollups({ ...store, table: TABLE, signal }, (now) =>
    progress.show(now.projection, now.partsDone, now.partsTotal),
  );
  progress.end();
  for (const verdict of verdicts) tell(verdict);
  return verdicts.some(({ differences }) => differences.length > 0) ? 1 : 0;
}

function tell({ projection, compared, without, differences }: RollupVerdict): void {
  if (differences.length === 0)
    say(`${projection} equals its rows: ${compared.rows} rows in ${compared.parts} parts`);
  else say(`${projection} DIFFERS from its rows in ${differences.length} of ${compared.parts} parts`);
  for (const { part, examples } of differences.slice(0, SHOWN_PARTS)) {
    for (const example of examples) say(`  part ${part}: ${example}`);
  }
  if (differences.length > SHOWN_PARTS) say(`  and ${differences.length - SHOWN_PARTS} more parts`);
  if (without.parts > 0)
    say(`  ${without.rows} rows in ${without.parts} parts have none: ${advice(projection)}`);
}

async function materializeNamed(run: Run, name: string | undefined, all: boolean): Promise<number> {
  const { store, signal } = run;
  if ((name === undefined) !== all) {
    throw new MillraceError('invalid_argument', 'materialize: name a projection or an index, or say --all');
  }
  await requireSchema(store);
  const of = { ...store, table: TABLE, signal };
  const names = name === undefined ? (await listRollups(of)).map((rollup) => rollup.name) : [name];
  for (const one of names) {
    const done = await materialize({
      ...of,
      name: one,
      onProgress: ({ partsDone, partsTotal, resumed }) =>
        progress.show(resumed ? `${one} (begun before)` : one, partsDone, partsTotal),
    });
    progress.end();
    say(done.kind === 'complete' ? `${one}: every part has it` : `${one}: materialized, ${done.parts} parts`);
  }
  return 0;
}

async function status({ store, signal }: Run): Promise<number> {
  const { client, database, cluster } = store;
  const of = { ...store, table: TABLE, signal };
  const states = await readMigrationStates(client, { database, cluster });
  say(`migrations of ${database} at ${store.url}`);
  for (const { number, name, state, appliedAt } of states) {
    say(
      `  ${String(number).padStart(4, '0')}_${name}: ${appliedAt === '' ? state : `${state}, ${appliedAt} UTC`}`,
    );
  }
  const parts = await listParts(of);
  say(`rollups of ${database}.${TABLE}: ${rowsOf(parts)} rows in ${parts.length} parts`);
  for (const rollup of await listRollups(of))
    say(`  ${rollup.kind} ${rollup.name}: ${coverage(rollup, parts)}`);
  for (const { name, id, isDone, isKilled, partsToDo, failure } of await listMutations(of)) {
    if (isDone || isKilled) continue;
    say(
      `  ${name} is being materialized (${id}): ${partsToDo} parts to do${failure === '' ? '' : `, ${failure}`}`,
    );
  }
  return 0;
}

function coverage(rollup: Rollup, parts: readonly Part[]): string {
  if (rollup.kind === 'index') return `${rollup.bytes} bytes`;
  const without = partsWithout(rollup, parts);
  const have = `${rowsOf(parts) - rowsOf(without)} rows in ${parts.length - without.length} parts`;
  return without.length === 0
    ? have
    : `${have}, not ${rowsOf(without)} rows in ${without.length}: ${advice(rollup.name)}`;
}

async function requireSchema({ client, database, cluster }: Store): Promise<void> {
  const states = await readMigrationStates(client, { database, cluster });
  if (states.every(({ state }) => state !== 'missing' && state !== 'unchecked')) return;
  throw new MillraceError(
    'failed_precondition',
    `${database} is not up to date: run scripts/migrate first, or start the services of this release`,
  );
}

function rowsOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { rows }) => sum + rows, 0);
}

function advice(name: string): string {
  return `scripts/migrate materialize ${name}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
