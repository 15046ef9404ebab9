import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  loadSecrets,
  pickFreePort,
  planSplit,
  planStandalone,
  readConnection,
  type ServicePlanner,
  type Stack,
  startStack,
} from '@millrace/embedded';
import { eventually, hermeticEnvironment, httpCall } from '@millrace/testkit';
import { startTcpProxy, type TcpProxy } from '../faults/proxy/tcp-proxy.ts';

/** How long a start that doesn't wait for the schema has to say that it is ready; one that does has no limit here. */
const PREMATURE_MS = 1_000;

const topologies = { standalone: planStandalone, split: planSplit };

for (const [topology, plan] of Object.entries(topologies)) {
  describe(`a start whose services reach ClickHouse late (${topology})`, () => {
    let dataDir = '';
    let port = 0;
    let wayToClickHouse: TcpProxy;
    let clickHousePort = 0;
    let adminPorts: readonly number[] = [];
    let starting: Promise<Stack>;

    const planBehindProxy: ServicePlanner = async (addresses) => {
      if ('clickHousePort' in addresses) clickHousePort = Number(addresses.clickHousePort);
      const specs = await plan(addresses);
      adminPorts = specs.map(({ adminPort }) => adminPort);
      const env = { CLICKHOUSE_URL: `http://127.0.0.1:${wayToClickHouse.port}` };
      return specs.map((spec) => ({ ...spec, env: { ...spec.env, ...env } }));
    };
    const ask = (path: string) =>
      httpCall(`http://127.0.0.1:${port}${path}`, {
        method: 'GET',
        headers: { 'x-api-key': loadSecrets(dataDir).apiKey },
      });

    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'millrace-ready-'));
      wayToClickHouse = await startTcpProxy(await pickFreePort());
      port = await pickFreePort();
      starting = startStack({
        dataDir,
        port,
        adminPort: 0,
        split: topology === 'split',
        services: planBehindProxy,
        env: hermeticEnvironment(),
        log: () => undefined,
      });
    });
    after(async () => {
      await (await starting).stop();
      await wayToClickHouse.close();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    });

    test('without the schema every service is ready and takes events, but the stack is not', async () => {
      await eventually(
        async () => {
          assert.ok(adminPorts.length > 0, 'nothing is planned yet');
          await Promise.all(adminPorts.map(assertReady));
        },
        { timeoutMs: 60_000 },
      );
      const accepted = await httpCall(`http://127.0.0.1:${port}/v1/ingest`, {
        headers: { 'content-type': 'application/json', 'x-api-key': loadSecrets(dataDir).apiKey },
        body: JSON.stringify([{ type: 'early' }]),
      });
      assert.equal(accepted.status, 202, accepted.text);
      assert.equal((await ask('/api/v1/events/stats')).status, 503);
      const said = starting.then(() => 'ready');
      assert.equal(await Promise.race([said, sleep(PREMATURE_MS, 'not yet')]), 'not yet');
      assert.equal(readConnection(dataDir), undefined);
    });

    test('as soon as the stack is ready, the first question is answered', async () => {
      wayToClickHouse.setTarget(clickHousePort);
      await starting;
      const answer = await ask('/api/v1/events/stats');
      assert.equal(answer.status, 200, answer.text);
      assert.notEqual(readConnection(dataDir), undefined);
    });
  });
}

async function assertReady(adminPort: number): Promise<void> {
  assert.equal((await httpCall(`http://127.0.0.1:${adminPort}/readyz`, { method: 'GET' })).status, 200);
}
