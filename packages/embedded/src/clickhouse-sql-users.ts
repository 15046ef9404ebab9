import { createHash } from 'node:crypto';

/** User that the statements of workspaces run as. */
export const sqlUser = 'millrace_sql';

/** User whose rows the view of the events shows; nobody signs in as it. */
const definer = 'millrace_sql_rows';

/** Database in which statements are read, and the header that says whose rows they see; analytics makes the view in it. */
const database = 'millrace_sql';
const workspaceHeader = 'X-Millrace-Workspace';

/** What no statement may change, since `readonly` is 1; `docs/sql.md` has the same for a ClickHouse of one's own. */
export const sqlLimits: Readonly<Record<string, number | string>> = {
  readonly: 1,
  allow_get_client_http_header: 1,
  cancel_http_readonly_queries_on_client_close: 1,
  max_execution_time: 20,
  timeout_overflow_mode: 'throw',
  max_memory_usage: 536_870_912,
  max_memory_usage_for_user: 1_073_741_824,
  max_rows_to_read: 200_000_000,
  max_bytes_to_read: 50_000_000_000,
  max_temporary_data_on_disk_size_for_query: 536_870_912,
  max_temporary_data_on_disk_size_for_user: 2_147_483_648,
  max_result_rows: 1_000_000,
  max_result_bytes: 134_217_728,
  result_overflow_mode: 'throw',
  max_threads: 2,
  max_concurrent_queries_for_user: 16,
  max_query_size: 65_536,
  max_ast_depth: 200,
  max_ast_elements: 5_000,
  max_expanded_ast_elements: 20_000,
  max_parser_depth: 300,
  max_columns_to_read: 100,
  max_temporary_columns: 2_000,
  max_recursive_cte_evaluation_depth: 100,
  function_range_max_elements_in_block: 10_000_000,
  allow_simdjson: 0,
  session_timezone: 'UTC',
  date_time_output_format: 'iso',
  output_format_json_quote_64bit_integers: 0,
  use_query_cache: 0,
  use_query_condition_cache: 0,
  log_queries: 0,
};

/** The profile of both; on a small server all statements together get less than half of its memory. */
export function renderSqlProfile(serverMemoryBytes: number): string {
  const most = Math.floor(serverMemoryBytes * 0.4);
  const memory = {
    max_memory_usage: Math.min(Number(sqlLimits['max_memory_usage']), most),
    max_memory_usage_for_user: Math.min(Number(sqlLimits['max_memory_usage_for_user']), most),
  };
  const settings = Object.entries({ ...sqlLimits, ...memory }).map(
    ([name, value]) => `\n      <${name}>${value}</${name}>`,
  );
  return `<sql>${settings.join('')}
    </sql>`;
}

/** Both users; the password is of the first. */
export function renderSqlUsers(password: string): string {
  const hash = createHash('sha256').update(password).digest('hex');
  return `<${sqlUser}>
      <password_sha256_hex>${hash}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks><profile>sql</profile><quota>default</quota>
      <grants><query>GRANT SELECT ON ${database}.events</query></grants>
    </${sqlUser}>
    <${definer}>
      <password_sha256_hex>${'0'.repeat(64)}</password_sha256_hex>
      <networks/><profile>sql</profile><quota>default</quota>
      <grants><query>GRANT SELECT ON millrace.events</query></grants>
      <databases><millrace><events>
        <filter>workspace_id = getClientHTTPHeader('${workspaceHeader}')</filter>
      </events></millrace></databases>
    </${definer}>`;
}

/** What the services' user needs to make the view. */
export const sqlViewGrants: readonly string[] = [
  `GRANT ALL ON ${database}.*`,
  `GRANT SET DEFINER ON ${definer}`,
];
