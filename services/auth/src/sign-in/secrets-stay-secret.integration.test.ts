import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SignInService } from '@millrace/contracts/millrace/auth/v1/sign_in';
import { callInProcess, createLogger } from '@millrace/runtime';
import { connectNats, connectRedis } from '@millrace/stores';
import {
  eventually,
  type MailServer,
  type RedisServer,
  startMailServer,
  startRedis,
} from '@millrace/testkit';
import { type Bench, CALL, ENVIRONMENT, log, startAuth, startBench } from '../../test/auth.ts';
import { openSignInBench } from '../../test/sign-in.ts';

let bench: Bench;
let mail: MailServer;
let redis: RedisServer;

before(async () => {
  bench = await startBench();
  mail = await startMailServer();
  redis = await startRedis();
  bench.closeLater(async () => {
    await mail.stop();
    await redis.stop();
  });
});
after(() => bench.close());

async function dumpNats(): Promise<string> {
  const connection = await connectNats({ url: bench.server.url, name: 'dump', log });
  const manager = await connection.jetstreamManager();
  const parts: string[] = [];
  for await (const { config, state } of manager.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(config.name, { seq }).catch(() => undefined);
      if (message !== undefined) parts.push(message.subject, Buffer.from(message.data).toString('latin1'));
    }
  }
  await connection.close();
  return parts.join('\n');
}

async function dumpRedis(): Promise<string> {
  const client = connectRedis({ url: redis.url, log });
  await new Promise((resolve) => client.once('ready', resolve));
  const parts: string[] = [];
  for (const key of await client.keys('*')) {
    const isHash = (await client.type(key)) === 'hash';
    parts.push(key, JSON.stringify(isHash ? await client.hgetall(key) : await client.lrange(key, 0, -1)));
  }
  client.disconnect();
  return parts.join('\n');
}

test('no store, and no log at its most talkative, has a code, a token, or what signs one', async () => {
  const lines: string[] = [];
  const listening = createLogger({
    service: 'auth',
    level: 'trace',
    destination: { write: (line) => void lines.push(line) },
  });
  const environment = { ...ENVIRONMENT, SMTP_URL: mail.url, REDIS_URL: redis.url };
  const one = await openSignInBench(bench, mail, environment, undefined, listening);
  const { token, code: used, user } = await one.signIn('ada@example.com');
  const waiting = await one.requestCode('ada@example.com');
  await assert.rejects(one.verify('ada@example.com', 'wrong!'), { code: 'unauthenticated' });
  await one.auth.verify(token);
  await one.auth.verify(`${token}x`);
  await one.methods.endSessions({ userId: user?.id ?? '', actor: { userId: user?.id ?? '' } }, CALL);
  await one.stop();
  const [nats, kept, logged] = [await dumpNats(), await dumpRedis(), lines.join('')];
  assert.ok(nats.includes('ada@example.com') && nats.includes('sealedPrivateJwk'), 'the dump is complete');
  assert.ok(kept.includes(':code'), 'the dump is complete');
  assert.ok(lines.length > 0, 'the log is written');
  const secrets = [token, token.slice(token.lastIndexOf('.') + 1), ENVIRONMENT.KEY_PEPPER, '"d":'];
  for (const [name, text] of Object.entries({ nats, kept, logged })) {
    for (const secret of secrets) assert.ok(!text.includes(secret), `${name} has ${secret}`);
    for (const code of [used, waiting]) {
      // Six digits may stand in a longer number by chance.
      assert.doesNotMatch(text, new RegExp(`(?<![0-9A-Za-z_-])${code}(?![0-9A-Za-z_-])`), name);
    }
  }
  assert.ok(!kept.includes('ada'), 'Redis doesn’t know whose codes it keeps');
  assert.ok(!logged.includes('ada@example.com'));
});

test('a code that one replica mailed is good at another when they share Redis, and once only', async () => {
  const environment = { ...ENVIRONMENT, SMTP_URL: mail.url, REDIS_URL: redis.url };
  const one = await openSignInBench(bench, mail, environment);
  const two = await openSignInBench(bench, mail, environment);
  const code = await one.requestCode('bea@example.com');
  const outcomes = await Promise.allSettled(
    [one, two, one, two].map((replica) => replica.verify('bea@example.com', code)),
  );
  const [won, ...more] = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  assert.ok(won);
  assert.equal(more.length, 0);
  for (const { auth } of [one, two]) assert.equal((await auth.verify(won.token)).kind, 'granted');
});

test('without Redis to ask nobody signs in, and what is stored still works', async () => {
  const own = await startRedis();
  const lost = await openSignInBench(bench, mail, {
    ...ENVIRONMENT,
    SMTP_URL: mail.url,
    REDIS_URL: own.url,
  });
  const { token } = await eventually(() => lost.signIn('cid@example.com'));
  await own.stop();
  await assert.rejects(lost.methods.requestCode({ email: 'cid@example.com' }, CALL), { code: 'unavailable' });
  await assert.rejects(lost.verify('cid@example.com', '123456'), { code: 'unavailable' });
  assert.equal((await lost.auth.verify(token)).kind, 'granted');
});

test('in development without a mail server the code is in the log', async () => {
  const lines: string[] = [];
  const listening = createLogger({
    service: 'auth',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  });
  const development = { ...ENVIRONMENT, MILLRACE_ENV: 'development' };
  const { auth } = await startAuth(bench, development, undefined, listening);
  const signIn = callInProcess(SignInService, auth.bindings.signIn);
  await signIn.requestCode({ email: 'dan@example.com' }, CALL);
  const logged = lines.filter((line) => line.includes('dan@example.com'));
  assert.equal(logged.length, 1);
  const [code = ''] = /\b\d{6}\b/.exec(logged[0] ?? '') ?? [];
  const { user } = await signIn.verifyCode({ email: 'dan@example.com', code }, CALL);
  assert.equal(user?.email, 'dan@example.com');
});

test('in production without a mail server nobody can sign in, and the start says so', async () => {
  const lines: string[] = [];
  const listening = createLogger({
    service: 'auth',
    level: 'warn',
    destination: { write: (line) => void lines.push(line) },
  });
  const { auth } = await startAuth(bench, ENVIRONMENT, undefined, listening);
  assert.equal(lines.filter((line) => line.includes('SMTP_URL is not set')).length, 1);
  const signIn = callInProcess(SignInService, auth.bindings.signIn);
  for (let asked = 0; asked < 5; asked++) {
    await assert.rejects(signIn.requestCode({ email: 'eva@example.com' }, CALL), { code: 'unavailable' });
  }
});
