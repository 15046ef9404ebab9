import { type Logger, MillraceError } from '@millrace/runtime';
import { type ClickHouseClient, loadSql, storeUnavailable } from '@millrace/stores';
import { ACCESS_DENIED, codeOf } from './failure.ts';

/** Names the workspace whose rows a request sees. */
export const WORKSPACE_HEADER = 'X-Millrace-Workspace';

/** Where the views are, and whose rights are behind them. */
export interface SqlTarget {
  readonly database: string;
  readonly cluster: string;
  readonly sqlUser: string;
}

const VIEWS = loadSql(import.meta.url, 'queries/views.sql');
const ANY_ROW = loadSql(import.meta.url, 'queries/any-row.sql');
const LIMITS = loadSql(import.meta.url, 'queries/limits.sql');
const TIMEOUT_MS = 10_000;
/** How long a failure is answered from memory, in milliseconds. */
const REST_MS = 5_000;
const NOT_SET_UP = 'SQL is not set up here: its users in ClickHouse are not as docs/sql.md has them';

/** The database that a workspace's statements are read in. */
export function sqlDatabase(target: Pick<SqlTarget, 'database'>): string {
  return `${target.database}_sql`;
}

/**
 * Makes sure, before the first statement, that the views are there and that the users can do no more than they should: a policy that
 * somebody has forgotten must not show one workspace the rows of another. Tried again, after a pause, until it has gone well. Throws
 * MillraceError `unimplemented` where the users are not as they should be, and `unavailable`.
 */
export function createSqlPreparation(options: {
  /** Of the services' user. */
  application: ClickHouseClient;
  /** Of the user that statements run as. */
  reader: ClickHouseClient;
  target: SqlTarget;
  log: Logger;
}): () => Promise<void> {
  const { log } = options;
  let prepared: Promise<void> | undefined;
  return () => {
    prepared ??= prepare(options).catch((error: unknown) => {
      log.error({ err: error }, 'SQL of workspaces can not be served');
      setTimeout(() => {
        prepared = undefined;
      }, REST_MS).unref();
      throw error;
    });
    return prepared;
  };
}

async function prepare({
  application,
  reader,
  target,
}: {
  application: ClickHouseClient;
  reader: ClickHouseClient;
  target: SqlTarget;
}): Promise<void> {
  for (const query of statementsFor(target)) {
    await orNotSetUp(
      application.command({
        query,
        clickhouse_settings: { allow_get_client_http_header: 1 },
        abort_signal: AbortSignal.timeout(TIMEOUT_MS),
      }),
    );
  }
  const events = { database: target.database, table: 'events' };
  const unfiltered = { database: sqlDatabase(target), table: 'unfiltered' };
  if ((await firstRow(application, ANY_ROW, unfiltered)) !== undefined) {
    throw wrong(`the row policy of ${definerOf(target)} on ${target.database}.events is missing`);
  }
  const limits = await firstRow(reader, LIMITS);
  if (limits?.some((holds) => holds !== 1))
    throw wrong(`${target.sqlUser} has not the limits that it should`);
  if (await mayRead(reader, events)) throw wrong(`${target.sqlUser} may read ${target.database}.events`);
}

function statementsFor(target: SqlTarget): string[] {
  const onCluster = target.cluster === '' ? '' : `ON CLUSTER ${target.cluster}`;
  // Names from the settings, which hold them to letters, digits and _.
  return VIEWS.replaceAll('{{sql_database}}', sqlDatabase(target))
    .replaceAll('{{database}}', target.database)
    .replaceAll('{{definer}}', definerOf(target))
    .replaceAll('{{on_cluster}}', onCluster)
    .split(/;\s*$/m)
    .filter((statement) => statement.trim() !== '');
}

/** The user whose rights are behind the views; nobody signs in as it. */
function definerOf({ sqlUser }: SqlTarget): string {
  return `${sqlUser}_rows`;
}

async function mayRead(client: ClickHouseClient, table: Record<string, string>): Promise<boolean> {
  try {
    await firstRow(client, ANY_ROW, table);
    return true;
  } catch (error) {
    if (codeOf(error instanceof MillraceError ? error.cause : error) === ACCESS_DENIED) return false;
    throw error;
  }
}

async function firstRow(
  client: ClickHouseClient,
  query: string,
  query_params: Record<string, string> = {},
): Promise<number[] | undefined> {
  const answer = await orNotSetUp(
    client.query({
      query,
      query_params,
      format: 'JSONCompactEachRow',
      abort_signal: AbortSignal.timeout(TIMEOUT_MS),
    }),
  );
  const [row] = await answer.json<number[]>();
  return row;
}

/** What ClickHouse refuses here is a matter of its users; all else is that it is away. */
async function orNotSetUp<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (codeOf(error) === undefined) throw storeUnavailable(error);
    throw new MillraceError('unimplemented', NOT_SET_UP, { cause: error });
  }
}

function wrong(what: string): MillraceError {
  return new MillraceError('unimplemented', NOT_SET_UP, { cause: new Error(what) });
}
