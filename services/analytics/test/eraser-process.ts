import { setTimeout as delay } from 'node:timers/promises';
import {
  createLogger,
  createMetricsRegistry,
  loadConfig,
  natsSettings,
  systemClock,
  uuidv7,
} from '@millrace/runtime';
import {
  type ClickHouseClient,
  clickHouseFrom,
  connectNats,
  createClickHouse,
  openLeases,
  openRecords,
  openStreamErasing,
} from '@millrace/stores';
import { analyticsSettings } from '../src/config.ts';
import { deletionRecord } from '../src/erasure/deletion-record.ts';
import { startEraser } from '../src/erasure/eraser.ts';
import { createErasureStore } from '../src/erasure/erasure-store.ts';
import { createAnalyticsMetrics } from '../src/metrics.ts';

/** Works deletions off in a process of its own, which kills itself with SIGKILL when it comes to the point `DIE_AT`. */
const config = loadConfig(analyticsSettings.extend(natsSettings), process.env);
const log = createLogger({ service: 'eraser-process', level: config.LOG_LEVEL });
const connection = await connectNats({ url: config.NATS_URL, name: 'eraser-process', log });
const common = { connection, replicas: 1, clock: systemClock, log };
const client = createClickHouse(clickHouseFrom(config, log));
const store = createErasureStore(dyingBetweenMutations(client));
const stream = await openStreamErasing(common);

startEraser({
  records: await openRecords({
    ...common,
    bucket: 'deletions',
    parse: (stored) => deletionRecord.parse(stored),
  }),
  store: {
    ...store,
    async begin(batch, targets) {
      await dieAt('before the mutations');
      await store.begin(batch, targets);
      await dieAt('after the mutations');
    },
    async remaining(targets) {
      const left = await store.remaining(targets);
      if (left === 0) await dieAt('before the dead letters');
      return left;
    },
  },
  stream: {
    ...stream,
    async deleteDeadLetters(...selection) {
      const deleted = await stream.deleteDeadLetters(...selection);
      await dieAt('after the dead letters');
      return deleted;
    },
  },
  leases: await openLeases({ ...common, owner: `process-${process.pid}` }),
  metrics: createAnalyticsMetrics(createMetricsRegistry({ service: 'test', version: '0' })).erasure,
  newId: uuidv7,
  clock: systemClock,
  log,
  lookMs: 50,
  expire: async () => undefined,
  eraseWorkspaces: async () => undefined,
});

/** The first of a batch's mutations is sent, and the others are not. */
function dyingBetweenMutations(real: ClickHouseClient): ClickHouseClient {
  const dying: ClickHouseClient = Object.create(real);
  dying.command = async (params) => {
    const result = await real.command(params);
    await dieAt('between the mutations');
    return result;
  };
  return dying;
}

async function dieAt(point: string): Promise<void> {
  if (process.env['DIE_AT'] !== point) return;
  process.kill(process.pid, 'SIGKILL');
  await delay(60_000);
}
