import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { planStandalone, type ServicePlanner, type Stack, startStack } from '@millrace/embedded';
import {
  eventually,
  hermeticEnvironment,
  httpCall,
  type MailServer,
  type RedisServer,
  type SignedIn,
  signIn,
  startMailServer,
  startRedis,
} from '@millrace/testkit';
import { startPresenting } from './support/presenting.ts';
import { planReplicas, secondEdgeUrl } from './support/replicas.ts';

const WITHIN_MS = 1_000;
/** How long a known key works while auth is away: at most 60 s from when it was last verified. */
const AUTH_AWAY_LIMIT_MS = 75_000;

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
    /** Every edge judges every key as it should, soon. */
    const assertJudged = (timeoutMs: number) =>
      Promise.all(
        edges().flatMap((url) =>
          [...good.map((key) => [key, 202] as const), ...revoked.map((key) => [key, 401] as const)].map(
            ([key, status]) =>
              eventually(async () => assert.equal((await present(url, key)).status, status), { timeoutMs }),
          ),
        ),
      );
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

    test(`a key of each kind works everywhere within ${WITHIN_MS} ms of being made`, async () => {
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
      await assertJudged(WITHIN_MS);
    });

    test(`a key that is revoked at one replica under load is refused at all within ${WITHIN_MS} ms`, async () => {
      const { id, key } = await makeKey();
      const loads = edges().map((url) => startPresenting(url, key));
      await eventually(() => {
        for (const load of loads) assert.ok(load.accepted().length > 50);
      });
      await change(`/api-keys/${id}/deactivate`, {}, 200);
      const revokedAtMs = performance.now();
      await sleep(2 * WITHIN_MS);
      await Promise.all(loads.map((load) => load.stop()));
      revoked.push(key);
      for (const load of loads) {
        assert.deepEqual(
          load.accepted().filter((atMs) => atMs > revokedAtMs + WITHIN_MS),
          [],
        );
        assert.ok(load.refused().length > 50);
      }
    });

    test('kill -9 of every process that keeps keys', async () => {
      const { id, key } = await makeKey();
      await change(`/api-keys/${id}/deactivate`, {}, 200);
      revoked.push(key);
      good.push((await makeKey()).key);
      for (const process of authNames) await killAndAwaitSuccessor(process);
      await assertJudged(20_000);
      good.push((await makeKey()).key);
      await assertJudged(WITHIN_MS);
    });

    test('kill -9 of the store of the keys', async () => {
      await killAndAwaitSuccessor('nats-server');
      await assertJudged(20_000);
    });

    test('a restart of the whole installation', async () => {
      await stack.stop();
      stack = await start();
      await assertJudged(5_000);
    });

    if (plan === planReplicas) {
      test('with auth stopped, known keys work on for a minute and are then answered 503, never 401', async (t) => {
        const [known = ''] = good;
        await assertJudged(WITHIN_MS);
        const pids = authNames.map((process) => pidOf(process) ?? assert.fail(process));
        const stoppedAtMs = performance.now();
        for (const pid of pids) process.kill(pid, 'SIGSTOP');
        try {
          const stranger = await present(stack.connection.url, `evp_${'x'.repeat(43)}`);
          assert.equal(stranger.status, 503, stranger.text);
          let status = 202;
          while (status === 202) {
            assert.ok(performance.now() - stoppedAtMs < AUTH_AWAY_LIMIT_MS, 'still accepted');
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
        await assertJudged(20_000);
      });
    }

    async function killAndAwaitSuccessor(process_: string): Promise<void> {
      const pid = pidOf(process_) ?? assert.fail(process_);
      process.kill(pid, 'SIGKILL');
      await eventually(() => assert.notEqual(pidOf(process_) ?? pid, pid), { timeoutMs: 20_000 });
    }
  });
}
