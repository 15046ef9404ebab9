import { setTimeout as delay } from 'node:timers/promises';
import { connectNats, createClickHouse } from '@millrace/stores';
import { log } from './analytics-world.ts';
import { openWorkspaceReplica } from './workspace-replica.ts';

/**
 * A replica in a process of its own, which works deletions of workspaces off and kills itself with
 * SIGKILL when it comes to the failpoint `DIE_AT`.
 */
const setting = (name: string) => process.env[name] ?? '';
const connection = await connectNats({ url: setting('NATS_URL'), name: 'eraser-process', log });
const client = createClickHouse({
  url: setting('CLICKHOUSE_URL'),
  username: setting('CLICKHOUSE_USER'),
  password: setting('CLICKHOUSE_PASSWORD'),
  database: 'millrace',
});
const replica = await openWorkspaceReplica({
  connection,
  client,
  async failpoint(step) {
    if (step !== process.env['DIE_AT']) return;
    process.kill(process.pid, 'SIGKILL');
    await delay(60_000);
  },
});
for (;;) {
  await replica.look();
  await delay(50);
}
