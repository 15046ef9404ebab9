import { request } from 'node:http';
import { libchdbPath } from 'chdb/libchdb';
import { DataType, load, open } from 'ffi-rs';

// The process in which the embedded ClickHouse runs. `clickhouse local` answers HTTP for as long as its query lasts,
// so it is given one that never ends by itself; ending that query is the clean way to stop the engine.
const keepalive = 'millrace keepalive';
const statements = `SYSTEM START LISTEN HTTP;
SELECT sleepEachRow(0.2) FROM system.numbers
SETTINGS max_block_size = 1, max_threads = 1, max_execution_time = 0, log_comment = '${keepalive}' FORMAT Null`;
const endKeepalive = `KILL QUERY WHERE query_id IN
(SELECT query_id FROM system.processes WHERE Settings['log_comment'] = '${keepalive}') ASYNC`;

// The engine closes its sockets before it ends, and a client's idle one holds that up for six seconds. The store
// survives a kill, so waiting that long would gain nothing.
const stopTimeoutMs = 2_000;

main();

function main(): void {
  const [configFile, port, user, password] = process.argv
    .slice(2)
    .concat(process.env['CLICKHOUSE_PASSWORD'] ?? '');
  if (configFile === undefined || port === undefined || user === undefined || password === undefined) {
    throw new Error('usage: clickhouse-host.ts CONFIG PORT USER, with CLICKHOUSE_PASSWORD set');
  }
  const parent = process.ppid;
  // The kernel ends us with our parent where it can; this covers the machines on which it was not asked to.
  setInterval(() => process.ppid !== parent && endNow(), 1_000);

  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => {
    setTimeout(endNow, stopTimeoutMs);
    sendQuery({ port: Number(port), user, password, query: endKeepalive });
  });
  void runEngine(configFile).then((code) => process.exit(code));
}

async function runEngine(configFile: string): Promise<number> {
  const argv = ['clickhouse', `--config-file=${configFile}`, '--log-level=error', '--query', statements];
  open({ library: 'chdb', path: libchdbPath() });
  const result = await load({
    library: 'chdb',
    funcName: 'chdb_query_cmdline',
    // The pointer stays a number: read as a string, a missing error message would crash the process.
    retType: DataType.BigInt,
    paramsType: [DataType.I32, DataType.StringArray],
    paramsValue: [argv.length, argv],
    runInNewThread: true,
  });
  return result === 0n ? 1 : 0;
}

interface Query {
  port: number;
  user: string;
  password: string;
  query: string;
}

function sendQuery({ port, user, password, query }: Query): void {
  const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password };
  const call = request({ host: '127.0.0.1', port, method: 'POST', path: '/', headers, agent: false });
  // The deadline set by the caller covers an engine that no longer answers.
  call.on('error', () => undefined);
  call.on('response', (response) => response.resume());
  call.end(query);
}

function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
}
