import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Connection, readConnection } from '@millrace/embedded';
import { createInspector, eventually, httpCall } from '@millrace/testkit';
import { logsUnder } from './support/logs.ts';
import { runCommand, runSuccessfully } from './support/run-command.ts';

const IDLE_RSS_LIMIT_MIB = 700;

for (const topology of ['standalone', 'split'] as const) {
  describe(`scripts/up and scripts/down (${topology})`, () => {
    const tries = topology === 'standalone' ? 200 : 50;
    let dataDir = '';
    let printed = '';
    const up = (...more: readonly string[]) => {
      const split = topology === 'split' ? ['--split'] : [];
      return runCommand('scripts/up', ['--detach', '--port', '0', '--data', dataDir, ...split, ...more]);
    };
    const down = () => runSuccessfully('scripts/down', ['--data', dataDir]);
    const connection = (): Connection => {
      const found = readConnection(dataDir);
      assert.ok(found, 'there is no connection.json');
      return found;
    };
    const post = (event: object) => {
      const { url, credentials } = connection();
      const headers = { 'content-type': 'application/json', 'x-api-key': credentials.apiKey };
      const timestamp = new Date().toISOString();
      const body = JSON.stringify({ eventType: 'up', userId: 'u', sessionId: 's', timestamp, ...event });
      return httpCall(`${url}/api/v1/events`, { headers, body });
    };

    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'millrace-up-'));
      const ended = await up();
      assert.equal(ended.status, 0, ended.errors);
      printed = ended.output;
    });
    after(async () => {
      await down();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    });

    test('connection.json is for its owner alone and has every member', () => {
      assert.equal(statSync(join(dataDir, 'connection.json')).mode & 0o777, 0o600);
      const { url, adminUrl, mode, workspaceId, credentials, redis, processes } = connection();
      for (const address of [url, adminUrl]) assert.equal(new URL(address).hostname, '127.0.0.1');
      assert.equal(mode, topology);
      assert.match(workspaceId, /^[0-9a-f-]{36}$/);
      assert.match(credentials.apiKey, /^evp_[\w-]{43}$/);
      assert.match(credentials.externalEventToken, /^[0-9a-f]{64}$/);
      assert.equal(credentials.bearerToken, 'dev-token');
      assert.equal(redis.url, null);
      const names = processes.map(({ name }) => name);
      for (const store of ['nats-server', 'clickhouse']) assert.ok(names.includes(store), names.join());
      for (const { name, pid } of processes) assert.ok(isRunning(pid), name);
    });

    test('the printed curl line, pasted: 202, and the row is there', async () => {
      const { url, credentials } = connection();
      for (const text of [url, credentials.apiKey]) assert.ok(printed.includes(text), printed);
      const line = printed.split('\n').find((text) => text.trim().startsWith('curl '));
      assert.ok(line, printed);
      const curl = line.trim().replace('curl ', "curl -sS -w '\\n%{http_code}' ");
      const answer = await runSuccessfully('bash', ['-c', curl]);
      assert.match(answer, /\n202$/);
      const eventId = /"eventId":"([^"]+)"/.exec(answer)?.[1] ?? '';
      await withInspector((inspector) => eventually(() => assertRows(inspector, eventId, 1)));
    });

    test(`each of ${tries} rows is there while no other event follows`, async (t) => {
      await withInspector(async (inspector) => {
        const waits: number[] = [];
        for (let i = 0; i < tries; i++) {
          const eventId = randomUUID();
          assert.equal((await post({ eventId })).status, 202);
          const answeredAtMs = performance.now();
          await eventually(() => assertRows(inspector, eventId, 1), { intervalMs: 10 });
          waits.push(performance.now() - answeredAtMs);
        }
        waits.sort((a, b) => a - b);
        const p95 = waits[Math.floor(tries * 0.95)] ?? Number.POSITIVE_INFINITY;
        t.diagnostic(`p50 ${waits[tries / 2]?.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`);
      });
    });

    test('a second start on the same data directory says so in one line', async () => {
      const { status, errors, output } = await up();
      assert.deepEqual([status, output], [1, '']);
      assertOneLine(errors);
      assert.ok(errors.includes(dataDir), errors);
      assert.equal((await post({})).status, 202);
    });

    test('a start on a taken port says so in one line and leaves nothing running', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      const other = await mkdtemp(join(tmpdir(), 'millrace-taken-'));
      try {
        const address = server.address();
        assert.ok(address !== null && typeof address === 'object');
        const args = ['--detach', '--port', String(address.port), '--data', other];
        const { status, errors, output } = await runCommand('scripts/up', args);
        assert.deepEqual([status, output], [1, '']);
        assertOneLine(errors);
        assert.ok(errors.includes(String(address.port)), errors);
        assert.equal(readConnection(other), undefined);
      } finally {
        server.close();
        await runCommand('scripts/down', ['--data', other]);
        await rm(other, { recursive: true, force: true });
      }
    });

    test('stopped and started again it has its keys, its rows and its memory of ids', async (t) => {
      const eventId = randomUUID();
      const event = { eventId, timestamp: '2024-01-30T12:34:56Z' };
      assert.equal((await post(event)).status, 202);
      const { credentials, processes, workspaceId } = connection();
      assert.match(await down(), /^stopped process \d+\n$/);
      assert.equal(readConnection(dataDir), undefined);
      for (const { name, pid } of processes) assert.ok(!isRunning(pid), `${name} still runs`);
      assert.equal(await down(), 'nothing runs there\n');

      const beganAtMs = performance.now();
      const again = await up();
      assert.equal(again.status, 0, again.errors);
      assert.equal((await post({ eventId: randomUUID() })).status, 202);
      const tookMs = performance.now() - beganAtMs;
      t.diagnostic(`first event accepted ${tookMs.toFixed(0)} ms after the command`);
      assert.deepEqual(connection().credentials, credentials);
      assert.equal(connection().workspaceId, workspaceId);
      const repeated = await post(event);
      assert.equal(repeated.status, 200, repeated.text);
      await withInspector(async (inspector) => {
        await eventually(() => assertRows(inspector, eventId, 1));
        const [row] = await inspector.rows('SELECT toUInt32(count()) AS n FROM events');
        assert.ok(Number(row?.['n']) > tries);
      });
    });

    test('idle, all processes together are small', (t) => {
      const sizes = connection().processes.map(({ name, pid }) => ({ name, mib: rssMib(pid) }));
      const total = sizes.reduce((sum, { mib }) => sum + mib, 0);
      const list = sizes.map(({ name, mib }) => `${name} ${mib.toFixed(0)}`).join(', ');
      t.diagnostic(`${total.toFixed(0)} MiB: ${list}`);
      // The figure is the default's; every service in a process of its own carries Node several times.
      if (topology === 'standalone') assert.ok(total <= IDLE_RSS_LIMIT_MIB, list);
      else assert.ok(total <= 2 * IDLE_RSS_LIMIT_MIB, list);
    });

    test('no secret is in any log', () => {
      const { credentials, clickhouse } = connection();
      const secrets = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8'));
      const { workspaceId: _, ...hidden } = Object(secrets);
      const needles = [...Object.values(hidden), credentials.apiKey, clickhouse.password].map(String);
      assert.ok(needles.length >= 8);
      const logs = logsUnder(dataDir);
      const found = needles.filter((needle) => logs.includes(needle));
      assert.deepEqual(found, []);
    });

    async function withInspector<T>(use: (inspector: Inspector) => Promise<T>): Promise<T> {
      const inspector = createInspector(connection().clickhouse);
      try {
        return await use(inspector);
      } finally {
        await inspector.close();
      }
    }
  });
}

type Inspector = ReturnType<typeof createInspector>;

async function assertRows(inspector: Inspector, eventId: string, count: number): Promise<void> {
  const sql = 'SELECT toUInt32(count()) AS n FROM events WHERE event_id = {eventId:String}';
  assert.deepEqual(await inspector.rows(sql, { eventId }), [{ n: count }]);
}

function assertOneLine(text: string): void {
  assert.match(text, /^[^\n]+\n$/);
}

function rssMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

/** An ended process whose parent has not asked how it ended still has an entry, as a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
