import { mkdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomically } from './atomic-file.ts';
import { type ClickHousePasswords, renderUsers } from './clickhouse-users.ts';

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
  writeFileAtomically(
    join(directory, 'users.xml'),
    renderUsers(passwords, Math.floor(maxMemoryBytes * 0.75)),
  );
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
