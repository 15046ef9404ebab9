import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { planStandalone, type ServicePlanner, type Stack, startStack } from '@millrace/embedded';
import {
  eventually,
  freeze,
  hermeticEnvironment,
  httpCall,
  type MailServer,
  type RedisServer,
  type SignedIn,
  signIn,
  startMailServer,
  startRedis,
  untilPushed,
} from '@millrace/testkit';
import { type Presenting, startPresenting } from './support/presenting.ts';
import { planReplicas, secondEdgeUrl } from './support/replicas.ts';

/** How long a test waits for a known key to be refused while auth is away: it works for 60 s. */
const AUTH_AWAY_TIMEOUT_MS = 240_000;
/** Processes start anew on a busy machine. */
const RESTARTED = { timeoutMs: 30_000 };

const setups: readonly { name: string; plan: ServicePlanner; authNames: readonly string[] }[] = [
  { name: 'one process', plan: planStandalone, authNames: ['standalone'] },
  { name: 'two replicas of edge and auth', plan: planReplicas, authNames: ['auth', 'auth-2'] },
];

for (const { name, plan, authNames } of setups) {
  describe(`keys and revocations survive (${name})`, () => {
    let dataDir = '';
    let mail: MailServer;
    let redis: RedisServer;
    let stack: Stack;
    let person: SignedIn;
    const revoked: string[] = [];
    const good: string[] = [];

    const start = () =>
      startStack({
        dataDir,
        port: 0,
        adminPort: 0,
        split: plan === planReplicas,
        services: plan,
        env: hermeticEnvironment({ SMTP_URL: mail.url }),
        redisUrl: redis.url,
        log: () => undefined,
      });
    const edges = () =>
      plan === planReplicas ? [stack.connection.url, secondEdgeUrl()] : [stack.connection.url];
    const present = (url: string, secret: string) =>
      httpCall(`${url}/api/v1/events`, {
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
        body: JSON.stringify({ name: 'presented', payload: {} }),
      });
    const change = (path: string, body: object, expected: number) =>
      httpCall(`${stack.connection.url}${path}`, {
        headers: { 'content-type': 'application/json', ...person.headers },
        body: JSON.stringify(body),
      }).then((answer) => {
        assert.equal(answer.status, expected, answer.text);
        return answer.json() as Record<string, unknown>;
      });
    const makeKey = async () => {
      const wish = { name: 'key', permissions: ['events:write'] };
      const { id, key } = (await change('/api-keys', wish, 201)) as { id: string; key: string };
      return { id, key };
    };
    /** Every edge judges every key as it should. */
    const assertJudged = async () => {
      const expected = [
        ...good.map((key) => [key, 202] as const),
        ...revoked.map((key) => [key, 401] as const),
      ];
      for (const url of edges()) {
        for (const [key, status] of expected) assert.equal((await present(url, key)).status, status);
      }
    };
    const pidOf = (process: string) => stack.connection.processes.find((one) => one.name === process)?.pid;

    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'millrace-keys-'));
      [mail, redis] = await Promise.all([startMailServer(), startRedis()]);
      stack = await start();
      person = await signIn(stack.connection.url, mail, 'ada@example.com');
    });
    after(async () => {
      await stack.stop();
      await Promise.all([mail.stop(), redis.stop()]);
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    });

    test('a key of each kind works everywhere', async (t) => {
      const { data } = (await change('/api/auth/api-key', { name: 'analytics' }, 200)) as {
        data: { apiKey: string };
      };
      const query = 'mutation { createExternalEventToken { token } }';
      const graphql = (await change('/graphql', { query }, 200)) as {
        data: { createExternalEventToken: { token: string } };
      };
      good.push(
        data.apiKey,
        (await makeKey()).key,
        graphql.data.createExternalEventToken.token,
        person.token,
      );
      await untilPushed(t, 'known everywhere', assertJudged);
    });

    test('a key that is revoked at one replica under load is refused at all from then on', async (t) => {
      const { id, key } = await makeKey();
      const loads = edges().map((url) => startPresenting(url, key));
      const untilEach = (check: (load: Presenting) => boolean) =>
        eventually(() => assert.ok(loads.every(check)), { timeoutMs: 60_000 });
      await untilEach((load) => load.accepted() > 50);
      assert.ok(loads.every((load) => load.refused() === 0));
      await change(`/api-keys/${id}/deactivate`, {}, 200);
      await untilPushed(t, 'refused everywhere', () => assert.ok(loads.every((load) => load.refused() > 0)));
      await untilEach((load) => load.refused() > 500);
      await Promise.all(loads.map((load) => load.stop()));
      revoked.push(key);
      for (const load of loads) assert.equal(load.acceptedAgain(), 0);
    });

    test('kill -9 of every process that keeps keys', async (t) => {
      const { id, key } = await makeKey();
      await change(`/api-keys/${id}/deactivate`, {}, 200);
      revoked.push(key);
      good.push((await makeKey()).key);
      for (const process of authNames) await killAndAwaitSuccessor(process);
      await eventually(assertJudged, RESTARTED);
      good.push((await makeKey()).key);
      await untilPushed(t, 'known everywhere', assertJudged);
    });

    test('kill -9 of the store of the keys', async () => {
      await killAndAwaitSuccessor('nats-server');
      await eventually(assertJudged, RESTARTED);
    });

    test('a restart of the whole installation', async () => {
      await stack.stop();
      stack = await start();
      await eventually(assertJudged, RESTARTED);
    });

    if (plan === planReplicas) {
      test('with auth stopped, known keys work on for a minute and are then answered 503, never 401', async (t) => {
        const [known = ''] = good;
        await eventually(assertJudged, RESTARTED);
        const pids = authNames.map((process) => pidOf(process) ?? assert.fail(process));
        const stoppedAtMs = performance.now();
        for (const pid of pids) await freeze(pid);
        try {
          const stranger = await present(stack.connection.url, `evp_${'x'.repeat(43)}`);
          assert.equal(stranger.status, 503, stranger.text);
          let status = 202;
          while (status === 202) {
            assert.ok(performance.now() - stoppedAtMs < AUTH_AWAY_TIMEOUT_MS, 'still accepted');
            await sleep(500);
            ({ status } = await present(stack.connection.url, known));
          }
          const workedMs = performance.now() - stoppedAtMs;
          t.diagnostic(`a known key worked for ${(workedMs / 1000).toFixed(0)} s`);
          assert.equal(status, 503);
          assert.ok(workedMs > 30_000, 'longer than a verdict lives while auth answers');
        } finally {
          for (const pid of pids) process.kill(pid, 'SIGCONT');
        }
        await eventually(assertJudged, RESTARTED);
      });
    }

    async function killAndAwaitSuccessor(process_: string): Promise<void> {
      const pid = pidOf(process_) ?? assert.fail(process_);
      process.kill(pid, 'SIGKILL');
      await eventually(() => assert.notEqual(pidOf(process_) ?? pid, pid), RESTARTED);
    }
  });
}
