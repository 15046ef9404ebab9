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

/** Writes the server's and the users' configuration and returns the path of the former. */
export function writeClickHouseConfig(options: ClickHouseConfigOptions): string {
  const { dataDir, port, passwords } = options;
  const maxMemoryBytes =
    options.maxMemoryBytes ?? Math.min(Math.max(totalmem() / 2, 1024 * mebibyte), 4096 * mebibyte);
  const directory = join(dataDir, 'config');
  const usersFile = join(directory, 'users.xml');
  const configFile = join(directory, 'config.xml');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileAtomically(usersFile, renderUsers(passwords, Math.floor(maxMemoryBytes * 0.75)));
  writeFileAtomically(
    configFile,
    renderServer({ dataDir, port, usersFile, maxMemoryBytes: Math.floor(maxMemoryBytes) }),
  );
  return configFile;
}

interface ServerSettings {
  dataDir: string;
  port: number;
  usersFile: string;
  maxMemoryBytes: number;
}

// `users_config` is read by `clickhouse local`, `user_directories` by `clickhouse server`.
function renderServer({ dataDir, port, usersFile, maxMemoryBytes }: ServerSettings): string {
  return `<clickhouse>
  <path>${escapeXml(join(dataDir, 'store'))}/</path>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${port}</http_port>
  <users_config>${escapeXml(usersFile)}</users_config>
  <user_directories><users_xml><path>${escapeXml(usersFile)}</path></users_xml></user_directories>
  <logger>
    <level>error</level>
    <log>${escapeXml(clickHouseLogFile(dataDir))}</log>
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

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
