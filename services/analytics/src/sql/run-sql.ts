import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { toJson } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { type RunSqlRequest, SqlFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { fieldError, type Logger, MillraceError } from '@millrace/runtime';
import { type ClickHouseClient, loadSql } from '@millrace/stores';
import type { AnalyticsMetrics } from '../metrics.ts';
import type { QuerySlots } from '../query/query-slots.ts';
import { checkStatement } from './check-statement.ts';
import { codeOf, limitOrTrouble, quote, TOO_MUCH_ANSWERED } from './failure.ts';
import { WORKSPACE_HEADER } from './prepare-sql.ts';
import { tableJson } from './table-json.ts';

/** Answers statements of workspaces. */
export interface SqlRunner {
  /**
   * The answer in parts, the first when all of it is found. Throws MillraceError `invalid_argument`, `resource_exhausted`, `unavailable`,
   * or `unimplemented` where ClickHouse has not the users for it. A signal that aborts, or a reader that leaves, ends the statement.
   */
  run(request: RunSqlRequest, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

const MAX_QUERY_CHARS = 32_768;
const MAX_PARAMS = 100;
const PARAM_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** What the user's profile allows a statement; the client waits a little longer. */
const MAX_SECONDS = 20;
const MAX_ROWS = 1_000_000;
const CHECK_TIMEOUT_MS = 5_000;
/** For taking an answer that has been found, in milliseconds. */
const TAKE_TIMEOUT_MS = 60_000;
/** What arrives in a header as it was: spaces at its ends would be lost, and another workspace be meant. */
const WORKSPACE_ID = /^[\x21-\x7e]{2,200}$/;
/** No workspace's id, which is longer: what is evaluated for it meets no row. */
const NOBODY = '-';
/** Without a backslash in a quoted name: that may be a line break, which would put lines of its own into the tree. */
const PLAIN_NAMES = /^(?:[^'`\\"]|'(?:[^'\\]|\\.)*'|`[^`\\]*`)*$/s;

/** The same lines would come from a parameter that is read as a name. */
const NAMES_BY_PARAMETER = /\{\s*\w+\s*:\s*Identifier\s*\}/i;

const CANONICAL = loadSql(import.meta.url, 'queries/canonical.sql');
const END = loadSql(import.meta.url, 'queries/end.sql');

const FORMATS: Readonly<
  Record<SqlFormat, 'JSONCompactEachRowWithNamesAndTypes' | 'JSONEachRow' | 'CSVWithNames' | 'Parquet'>
> = {
  [SqlFormat.UNSPECIFIED]: 'JSONCompactEachRowWithNamesAndTypes',
  [SqlFormat.NDJSON]: 'JSONEachRow',
  [SqlFormat.CSV]: 'CSVWithNames',
  [SqlFormat.PARQUET]: 'Parquet',
};

/** Makes the runner over the client of the user that statements run as. */
export function createSqlRunner(options: {
  reader: ClickHouseClient;
  /** Of the services' user, which may end statements. */
  application: ClickHouseClient;
  prepare: () => Promise<void>;
  slots: QuerySlots;
  metrics: AnalyticsMetrics;
  database: string;
  log: Logger;
}): SqlRunner {
  const { reader, application, prepare, slots, metrics, database, log } = options;

  /** The first column of an answer that nobody's rows are in. The text goes as it is, without a format behind it. */
  const ask = async (query: string, params: Params, signal: AbortSignal): Promise<string[]> => {
    const { stream } = await reader.exec({
      query,
      query_params: params,
      use_multipart_params: true,
      http_headers: { [WORKSPACE_HEADER]: NOBODY },
      clickhouse_settings: { default_format: 'JSONCompactEachRow' },
      abort_signal: AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]),
    });
    const lines = (await text(stream)).split('\n').filter((line) => line !== '');
    // Both questions have one column, of text.
    return lines.map((line) => (JSON.parse(line) as [string])[0]);
  };

  const failureOf = async (error: unknown, again: () => Promise<unknown>): Promise<MillraceError> => {
    const known = limitOrTrouble(error, MAX_SECONDS);
    if (known !== undefined) return known;
    // The words may hold a value of a row. Asked for nobody the statement meets none, and fails the same way if the text is to blame.
    const words = await again().then(
      () => undefined,
      (failure: unknown) => (codeOf(failure) === codeOf(error) ? quote(failure, database) : undefined),
    );
    return fieldError('query', words ?? `fails over a value that it meets (${typeOf(error)})`);
  };

  /** The statement as the server writes it, held to what it may do. */
  const readStatement = async (query: string, params: Params, signal: AbortSignal): Promise<string> => {
    try {
      const [statement = ''] = await ask(CANONICAL, { text: query }, signal);
      if (!PLAIN_NAMES.test(statement)) {
        throw fieldError('query', 'has a name with a character that names may not have');
      }
      if (NAMES_BY_PARAMETER.test(statement))
        throw fieldError('query', 'may have parameters for values only');
      checkStatement(await ask(`EXPLAIN AST ${statement}`, params, signal));
      return statement;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MillraceError) throw error;
      throw limitOrTrouble(error, MAX_SECONDS) ?? fieldError('query', quote(error, database));
    }
  };

  const find = async (
    {
      statement,
      params,
      format,
      workspaceId,
    }: { statement: string; params: Params; format: SqlFormat; workspaceId: string },
    signal: AbortSignal,
  ) => {
    const send = (workspace: string, queryId: string, until: AbortSignal) =>
      reader.exec({
        query: statement,
        query_id: queryId,
        query_params: params,
        use_multipart_params: true,
        http_headers: { [WORKSPACE_HEADER]: workspace },
        // Nothing is sent before all is found, so that a failure is never in the middle of an answer.
        clickhouse_settings: { default_format: FORMATS[format], wait_end_of_query: 1 },
        abort_signal: until,
      });
    const queryId = randomUUID();
    const tooLong = new AbortController();
    const timer = setTimeout(() => tooLong.abort(), (MAX_SECONDS + 2) * 1_000);
    try {
      const { stream, summary } = await send(workspaceId, queryId, AbortSignal.any([signal, tooLong.signal]));
      // A SELECT without FROM reads a table of the server's own, to which ClickHouse applies no limit on results.
      if (Number(summary?.result_rows ?? 0) > MAX_ROWS) {
        stream.destroy();
        throw fieldError('query', TOO_MUCH_ANSWERED);
      }
      return stream;
    } catch (error) {
      // ClickHouse looks whether anybody listens only when it has read something.
      if (signal.aborted || tooLong.signal.aborted) await end(queryId);
      signal.throwIfAborted();
      if (error instanceof MillraceError) throw error;
      if (tooLong.signal.aborted) throw fieldError('query', `takes more than ${MAX_SECONDS} s`);
      throw await failureOf(error, async () => {
        const { stream } = await send(NOBODY, randomUUID(), AbortSignal.timeout(CHECK_TIMEOUT_MS));
        stream.destroy();
      });
    } finally {
      clearTimeout(timer);
    }
  };

  const end = async (queryId: string): Promise<void> => {
    try {
      await application.command({
        query: END,
        query_params: { queryId },
        abort_signal: AbortSignal.timeout(CHECK_TIMEOUT_MS),
      });
    } catch (error) {
      log.warn({ err: error, queryId }, 'a statement that nobody waits for could not be ended');
    }
  };

  return {
    async *run(request, signal) {
      const { workspaceId, query, format } = request;
      const params = readParams(request);
      if (!WORKSPACE_ID.test(workspaceId))
        throw fieldError('workspace_id', 'is none that a header can carry');
      if (query.trim() === '') throw fieldError('query', 'is required');
      if (query.length > MAX_QUERY_CHARS) throw fieldError('query', `at most ${MAX_QUERY_CHARS} characters`);
      await prepare();
      const leave = await slots.enter(workspaceId, signal);
      try {
        const stream = await metrics.timed('sql', async () => {
          const statement = await readStatement(query, params, signal);
          return find({ statement, params, format, workspaceId }, signal);
        });
        const given = AbortSignal.any([signal, AbortSignal.timeout(TAKE_TIMEOUT_MS)]);
        const cut = () =>
          stream.destroy(new MillraceError('deadline_exceeded', 'the answer was not taken in time'));
        given.addEventListener('abort', cut, { once: true });
        try {
          yield* format === SqlFormat.UNSPECIFIED ? tableJson(stream) : stream;
        } finally {
          given.removeEventListener('abort', cut);
          stream.destroy();
        }
      } finally {
        leave();
      }
    },
  };
}

type Params = Record<string, unknown>;

function readParams({ params }: RunSqlRequest): Params {
  const entries = Object.entries(params);
  if (entries.length > MAX_PARAMS) throw fieldError('params', `at most ${MAX_PARAMS}`);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (!PARAM_NAME.test(name)) throw fieldError('params', 'names have letters, digits and _, at most 64');
      return [name, toJson(ValueSchema, value)];
    }),
  );
}

function typeOf(error: unknown): string {
  return error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : 'ERROR';
}
