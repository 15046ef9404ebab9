import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  eventually,
  type HttpAnswer,
  type MailServer,
  type SignedIn,
  startMailServer,
  startTestStack,
  type TestStack,
  type Topology,
} from '@millrace/testkit';
import { Redis } from 'ioredis';
import { logsUnder } from '../e2e/support/logs.ts';
import { httpCall } from './support/http-call.ts';
import {
  makePrivateKeys,
  type PrivateTraffic,
  sendKeysInUrls,
  sendNativeCalls,
  sendPrivateEvents,
  sendRefusedEvents,
  signInPrivately,
} from './support/private-traffic.ts';
import { createPrivateWords, type PrivateWords } from './support/private-words.ts';
import { storedEvent } from './support/stored-events.ts';

const SERVICES: Readonly<Record<Topology, readonly string[]>> = {
  standalone: ['standalone'],
  split: ['edge', 'auth', 'ingest-accept', 'ingest-writer', 'analytics', 'webhook'],
};
const MAIL_USER = 'mailer';

for (const topology of ['standalone', 'split'] as const) {
  describe(`nothing private is in the logs, even of level trace (${topology})`, () => {
    const words = createPrivateWords();
    let mailIsStrict = false;
    let mail: MailServer;
    let stack: TestStack;
    let person: SignedIn;
    const traffic = (): PrivateTraffic => ({ stack, words });
    const logs = () => `${logsUnder(stack.dataDir)}\n${stack.supervisorLog.join('\n')}`;

    before(async () => {
      const password = words.make('the mail password');
      words.add('the mail login', Buffer.from(`\0${MAIL_USER}\0${password}`).toString('base64'));
      mail = await startMailServer({
        admits: (user, given) => !mailIsStrict && user === MAIL_USER && given === password,
      });
      stack = await startTestStack({
        topology,
        redis: topology === 'split' && { password: words.make("Redis' password") },
        env: {
          MILLRACE_ENV: 'production',
          LOG_LEVEL: 'trace',
          SMTP_URL: mail.url.replace('smtp://', `smtp://${MAIL_USER}:${password}@`),
          KEY_PEPPER: words.make('the pepper'),
          COMPOZY_API_TOKEN: words.make('a key of the environment'),
          EMAIL_API_KEY: words.make('a key of the environment'),
        },
      });
      const { serviceSecret, clickHousePassword, inspectorPassword, apiKey, externalEventToken } =
        stack.secrets;
      words.add('the secret of the services', serviceSecret);
      words.add("ClickHouse's password", clickHousePassword);
      words.add("ClickHouse's password", inspectorPassword);
      words.add('a key of the environment', apiKey);
      words.add('a key of the environment', externalEventToken);
    });
    after(async () => {
      await stack.stop();
      await mail.stop();
    });

    test('every dialect takes events', async () => {
      for (const [route, status] of await sendPrivateEvents(traffic())) {
        assert.ok(status >= 200 && status < 300, `${route}: ${status}`);
      }
    });

    test('requests are refused', async () => {
      const statuses = [...(await sendRefusedEvents(traffic())), ...(await sendKeysInUrls(traffic()))];
      assert.ok(statuses.every((status) => status < 500));
      assert.ok(statuses.filter((status) => status >= 400).length > statuses.length / 2);
    });

    test('the mail server refuses the login', async () => {
      mailIsStrict = true;
      assert.equal((await requestCode(stack, words)).status, 200);
      await eventually(() => assert.match(logs(), /a mail could not be sent/));
      mailIsStrict = false;
    });

    test('somebody signs in, makes keys and uses them', async () => {
      person = await signInPrivately(traffic(), mail);
      await makePrivateKeys(traffic(), person);
      await sendNativeCalls(traffic(), person);
    });

    if (topology === 'split') {
      test('Redis refuses to write, then the password', async () => {
        const redis = new Redis(stack.connection.redis.url ?? '');
        const { password = '' } = redis.options;
        try {
          await redis.config('SET', 'maxmemory', '1');
          await sendPrivateEvents(traffic());
          await requestCode(stack, words);
          await redis.config('SET', 'maxmemory', '0', 'requirepass', `another than ${password}`);
          await redis.call('CLIENT', 'KILL', 'SKIPME', 'yes');
          await eventually(() => assert.match(logs(), /WRONGPASS/));
          await redis.config('SET', 'requirepass', password);
        } finally {
          redis.disconnect();
        }
      });
    }

    test('stores and services die under the traffic', async () => {
      for (const name of ['clickhouse', 'nats-server', 'auth']) {
        const pid = stack.connection.processes.find((process) => process.name === name)?.pid;
        if (pid === undefined) {
          assert.ok(name === 'auth' && topology === 'standalone', `there is no process ${name}`);
          continue;
        }
        process.kill(pid, 'SIGKILL');
        await sendPrivateEvents(traffic());
        await sendRefusedEvents(traffic());
        await assertWorks(stack);
      }
    });

    test('the log of every service is there', async () => {
      for (const name of SERVICES[topology]) {
        const log = await readFile(join(stack.dataDir, 'logs', `${name}.log`), 'utf8');
        assert.ok(log.includes('"msg":"started"'), name);
      }
    });

    test('nothing private is in them', () => {
      assert.deepEqual(words.foundIn(logs()), []);
    });

    test('something private would be found', async () => {
      await assertFound(stack, words, logs);
    });
  });
}

function requestCode({ connection }: TestStack, words: PrivateWords): Promise<HttpAnswer> {
  return httpCall(`${connection.url}/api/auth/request-code`, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: `${words.make('an address')}@example.com` }),
  });
}

/** Stored again, by a service that may just be starting. */
async function assertWorks(stack: TestStack): Promise<void> {
  const id = randomUUID();
  const { url, credentials } = stack.connection;
  await eventually(
    async () => {
      const answer = await httpCall(`${url}/v1/ingest`, {
        headers: { 'content-type': 'application/json', 'x-api-key': credentials.apiKey },
        body: JSON.stringify([{ id, type: 'again' }]),
      });
      assert.ok(answer.status === 200 || answer.status === 202, answer.text);
    },
    { timeoutMs: 30_000, intervalMs: 200 },
  );
  await storedEvent(stack, { eventId: id });
}

/** Plants words in a log, one after the other, as a service would have written them. */
async function assertFound(stack: TestStack, words: PrivateWords, logs: () => string): Promise<void> {
  const file = join(stack.dataDir, 'logs', 'planted.log');
  const planted = ['of letters', 'of digits'] as const;
  const secrets = { 'of letters': words.make('planted'), 'of digits': '402653' };
  words.add('planted digits', secrets['of digits']);
  for (const what of planted) {
    await appendFile(file, `${JSON.stringify({ level: 'info', msg: `said ${secrets[what]}` })}\n`);
    assert.equal(words.foundIn(logs()).length, planted.indexOf(what) + 1, what);
  }
  await rm(file);
}
