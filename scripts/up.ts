import { resolve } from 'node:path';
import { type Connection, type Stack, startStack } from '@millrace/embedded';
import { Command, InvalidArgumentError } from 'commander';
import { reportToLauncher, startDetached } from './up-detached.ts';

interface UpOptions {
  detach?: true;
  split?: true;
  syncAlways?: true;
  port: number;
  adminPort?: number;
  data: string;
}

const program = new Command('scripts/up')
  .description('Start the whole embedded stack: NATS, ClickHouse and the services of Millrace.')
  .option('--detach', 'run in the background; returns when ready')
  .option('--split', 'run every service in a process of its own')
  .option('--port <port>', 'port of the API, 0 for any free one', parsePort, 8080)
  .option('--admin-port <port>', 'port of metrics and probes (default: 9090 or any free one)', parsePort)
  .option('--data <dir>', 'data directory', parseDirectory, resolve(import.meta.dirname, '../.millrace'))
  .option('--sync-always', 'fsync each event before it is acknowledged')
  .allowExcessArguments(false);

await main();

async function main(): Promise<void> {
  const options = program.parse().opts<UpOptions>();
  try {
    if (options.detach === true) {
      const connection = await startDetached({ argv: argumentsWithoutDetach(), dataDir: options.data });
      process.stdout.write(describe(connection));
      return;
    }
    await runInForeground(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${reason}\n`);
    await reportToLauncher({ kind: 'failed', reason });
    process.exit(1);
  }
}

async function runInForeground(options: UpOptions): Promise<void> {
  const isDetached = process.send !== undefined;
  const interrupt = new AbortController();
  let stack: Stack | undefined;
  const onSignal = () => {
    if (interrupt.signal.aborted) {
      void killNow(stack);
      return;
    }
    interrupt.abort();
    log('stopping');
    void stack?.stop().then(() => process.exit(0));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);

  stack = await startStack({
    dataDir: options.data,
    port: options.port,
    ...(options.adminPort === undefined ? {} : { adminPort: options.adminPort }),
    split: options.split ?? false,
    syncAlways: options.syncAlways ?? false,
    output: isDetached ? 'file' : 'inherit',
    signal: interrupt.signal,
    log,
  });
  if (interrupt.signal.aborted) {
    await stack.stop();
    process.exit(0);
  }
  if (isDetached) await reportToLauncher({ kind: 'ready' });
  else process.stdout.write(`${describe(stack.connection)}\nCtrl-C stops it.\n`);
}

async function killNow(stack: Stack | undefined): Promise<void> {
  await stack?.kill();
  process.exit(130);
}

function describe({ url, adminUrl, workspaceId, credentials }: Connection): string {
  const event = { eventType: 'page_view', userId: 'user-1', sessionId: 'session-1', timestamp: new Date() };
  return `
Millrace is ready.

  url        ${url}
  docs       ${url}/docs
  admin      ${adminUrl}
  workspace  ${workspaceId}
  api key    ${credentials.apiKey}

  curl -X POST ${url}/api/v1/events -H 'content-type: application/json' -H 'x-api-key: ${credentials.apiKey}' -d '${JSON.stringify(event)}'
`;
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}

function argumentsWithoutDetach(): string[] {
  return process.argv.slice(2).filter((argument) => argument !== '--detach');
}

function parseDirectory(text: string): string {
  // Resolved, an empty one would be the current directory.
  if (text === '') throw new InvalidArgumentError('it is empty.');
  return text;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('a port is a number up to 65535.');
  return port;
}
