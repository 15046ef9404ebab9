import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-file.ts';
import { renderSqlProfile, renderSqlUsers, sqlViewGrants } from './clickhouse-sql-users.ts';

const mebibyte = 1024 ** 2;

/** What {@link writeClickHouseConfig} needs. */
export interface ClickHouseConfigOptions {
  dataDir: string;
  port: number;
  passwords: ClickHousePasswords;
  /** Default: half of the machine's memory, between 1 and 4 GiB. */
  maxMemoryBytes?: number;
}

/** Where a ClickHouse on this data directory writes its log. */
export function clickHouseLogFile(dataDir: string): string {
  return join(dataDir, 'clickhouse.log');
}

/**
 * Writes the server's and the users' configuration and returns the path of the former, as seen from the data directory:
 * the engine must be started there. It ends without a word where a path holds a backslash, so it is given none.
 */
export function writeClickHouseConfig(options: ClickHouseConfigOptions): string {
  const { dataDir, passwords } = options;
  const maxMemoryBytes =
    options.maxMemoryBytes ?? Math.min(Math.max(totalmem() / 2, 1024 * mebibyte), 4096 * mebibyte);
  const directory = join(dataDir, 'config');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileAtomically(join(directory, 'users.xml'), renderUsers(passwords, Math.floor(maxMemoryBytes)));
  writeFileAtomically(join(directory, 'config.xml'), renderServer(options.port, Math.floor(maxMemoryBytes)));
  return 'config/config.xml';
}

// `users_config` is read by `clickhouse local`, `user_directories` by `clickhouse server`.
function renderServer(port: number, maxMemoryBytes: number): string {
  return `<clickhouse>
  <path>store/</path>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${port}</http_port>
  <users_config>users.xml</users_config>
  <user_directories><users_xml><path>users.xml</path></users_xml></user_directories>
  <logger>
    <level>error</level>
    <log>clickhouse.log</log>
    <size>10M</size>
    <count>2</count>
  </logger>
  <max_server_memory_usage>${maxMemoryBytes}</max_server_memory_usage>
  <max_concurrent_queries>100</max_concurrent_queries>
  <mark_cache_size>${128 * mebibyte}</mark_cache_size>
  <index_mark_cache_size>${16 * mebibyte}</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
  <query_cache><max_size_in_bytes>${16 * mebibyte}</max_size_in_bytes></query_cache>
  <keep_alive_timeout>30</keep_alive_timeout>
</clickhouse>
`;
}

/** Passwords of the users a ClickHouse is started with. */
export interface ClickHousePasswords {
  /** User `millrace`: the services. */
  application: string;
  /** User `inspector`: tests and the curious. */
  inspector: string;
  /** User `millrace_sql`: the statements of workspaces. Without one there is no such user. */
  sql?: string;
}

/** User name of the services. */
export const applicationUser = 'millrace';

/** User name that may read every table and do nothing else. */
export const inspectorUser = 'inspector';

const applicationDatabases = ['millrace', 'analytics'];

const tableEngines = [
  'MergeTree',
  'ReplacingMergeTree',
  'SummingMergeTree',
  'AggregatingMergeTree',
  'CollapsingMergeTree',
  'VersionedCollapsingMergeTree',
  'CoalescingMergeTree',
  'ReplicatedMergeTree',
  'ReplicatedReplacingMergeTree',
  'Null',
  'Memory',
  'Dictionary',
];

const systemTables = [
  'asynchronous_metrics',
  'build_options',
  'columns',
  'data_skipping_indices',
  'databases',
  'dictionaries',
  'disks',
  'errors',
  'events',
  'formats',
  'functions',
  'merge_tree_settings',
  'merges',
  'metrics',
  'mutations',
  'numbers',
  'one',
  'parts',
  'parts_columns',
  'processes',
  'projections',
  'replicas',
  'settings',
  'tables',
  'view_refreshes',
];

/** Renders the users, profiles and grants. */
function renderUsers(passwords: ClickHousePasswords, maxMemoryBytes: number): string {
  return `<clickhouse>
  <profiles>
    <default>
      <output_format_json_quote_64bit_integers>1</output_format_json_quote_64bit_integers>
      <!-- Takes effect for queries run with readonly=2: aborting the request then ends the query. -->
      <cancel_http_readonly_queries_on_client_close>1</cancel_http_readonly_queries_on_client_close>
      <max_memory_usage>${Math.floor(maxMemoryBytes * 0.75)}</max_memory_usage>
      <log_queries>0</log_queries>
    </default>
    <!-- The engine's own session counts as the one session this user may have, so nobody can log in as it. -->
    <engine>
      <max_sessions_for_user>1</max_sessions_for_user>
      <constraints><max_sessions_for_user><readonly/></max_sessions_for_user></constraints>
    </engine>
    <inspector>
      <profile>default</profile>
      <readonly>2</readonly>
    </inspector>
    ${renderSqlProfile(maxMemoryBytes)}
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <no_password/>
      ${onlyLocal('engine')}
      <grants>
        <query>GRANT SELECT ON system.numbers</query>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
      </grants>
    </default>
    <${applicationUser}>
      <password_sha256_hex>${sha256(passwords.application)}</password_sha256_hex>
      ${onlyLocal('default')}
      <grants>${renderGrants([...applicationGrants(), ...(passwords.sql === undefined ? [] : sqlViewGrants)])}</grants>
    </${applicationUser}>
    <${inspectorUser}>
      <password_sha256_hex>${sha256(passwords.inspector)}</password_sha256_hex>
      ${onlyLocal('inspector')}
      <grants>${renderGrants(['GRANT SELECT ON *.*'])}</grants>
    </${inspectorUser}>
    ${passwords.sql === undefined ? '' : renderSqlUsers(passwords.sql)}
  </users>
</clickhouse>
`;
}

function applicationGrants(): string[] {
  return [
    ...applicationDatabases.map((database) => `GRANT ALL ON ${database}.*`),
    ...tableEngines.map((engine) => `GRANT TABLE ENGINE ON ${engine}`),
    ...systemTables.map((table) => `GRANT SELECT ON system.${table}`),
    'GRANT CREATE TEMPORARY TABLE, KILL QUERY ON *.*',
    'GRANT SYSTEM DROP FORMAT SCHEMA CACHE ON *.*',
  ];
}

function renderGrants(grants: readonly string[]): string {
  return grants.map((grant) => `\n        <query>${grant}</query>`).join('');
}

function onlyLocal(profile: string): string {
  return `<networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile><quota>default</quota>`;
}

function sha256(password: string): string {
  return createHash('sha256').update(password).digest('hex');
}
