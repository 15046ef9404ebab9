import { setTimeout as delay } from 'node:timers/promises';
import {
  createLogger,
  createMetricsRegistry,
  loadConfig,
  startTracing,
  systemClock,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { ingestSettings } from '../src/config.ts';
import { createWriterRole } from '../src/writer/role.ts';

/**
 * A writer in a process of its own, which kills itself with SIGKILL when it comes to the failpoint `DIE_AT` for the
 * `DIE_AFTER`th time.
 */
const config = loadConfig(ingestSettings, process.env);
const log = createLogger({ service: 'writer-process', level: config.LOG_LEVEL });
const connection = await connectNats({ url: config.NATS_URL, name: 'writer-process', log });
let left = Number(process.env['DIE_AFTER'] ?? 1);
const writer = await createWriterRole({
  connection,
  config,
  registry: createMetricsRegistry({ service: 'test', version: '0' }),
  tracing: await startTracing({ service: 'test', endpoint: undefined, log }),
  clock: systemClock,
  log,
  async failpoint(name) {
    if (name !== process.env['DIE_AT'] || --left > 0) return;
    process.kill(process.pid, 'SIGKILL');
    await delay(60_000);
  },
});
writer.start();
process.once('SIGTERM', async () => {
  await writer.close();
  await connection.close();
});
