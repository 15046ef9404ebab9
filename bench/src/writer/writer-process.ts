import { join } from 'node:path';
import { type Connection, loadSecrets, pickFreePort } from '@millrace/embedded';
import { type Cores, type PinnedProcess, startPinned } from '../machine/pinned-process.ts';

/** A writer in a process of its own. */
export interface WriterProcess extends PinnedProcess {
  /** Rows of its inserts so far, on average. */
  meanBatchRows(): Promise<number>;
}

/** Starts a writer on the stores of a running stack. */
export async function startWriter(options: {
  connection: Connection;
  dataDir: string;
  cores: Cores;
  nodeOptions: readonly string[];
}): Promise<WriterProcess> {
  const { connection } = options;
  const secrets = loadSecrets(options.dataDir);
  const adminPort = await pickFreePort();
  const child = await startPinned({
    cores: options.cores,
    script: join(import.meta.dirname, 'writer-child.ts'),
    nodeOptions: ['--max-semi-space-size=64', ...options.nodeOptions],
    env: {
      ...process.env,
      INGEST_ROLE: 'writer',
      HOST: '127.0.0.1',
      ADMIN_PORT: String(adminPort),
      LOG_LEVEL: 'warn',
      NATS_URL: connection.nats.url,
      NATS_USER: connection.nats.username,
      NATS_PASSWORD: connection.nats.password,
      CLICKHOUSE_URL: connection.clickhouse.url,
      CLICKHOUSE_USER: 'millrace',
      CLICKHOUSE_PASSWORD: secrets.clickHousePassword,
      CLICKHOUSE_DATABASE: connection.clickhouse.database,
      SERVICE_SECRET: secrets.serviceSecret,
    },
  });
  return {
    ...child,
    async meanBatchRows() {
      const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
      const text = await response.text();
      const value = (name: string) =>
        Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
      return value('millrace_writer_batch_rows_sum') / value('millrace_writer_batch_rows_count');
    },
  };
}
