import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, test } from 'node:test';
import { pickFreePort } from '@millrace/embedded';
import { createLogger, createMetricsRegistry, systemClock } from '@millrace/runtime';
import { createFixedClock, eventually, startMailServer } from '@millrace/testkit';
import { createAuthMetrics } from '../metrics.ts';
import type { Mailer } from './mailer.ts';
import { createSmtpMailer } from './smtp-mailer.ts';

const MAIL = { to: 'ada@example.com', subject: 'Hello', text: 'A line = this, and ünïcode.\n\n123456\n' };

const closing: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const closeOne of closing.reverse()) await closeOne();
});

function openMailer(url: string, options: { maxPending?: number; clock?: typeof systemClock } = {}) {
  const lines: string[] = [];
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const mailer: Mailer = createSmtpMailer({
    url,
    from: 'Millrace <no-reply@localhost>',
    clock: systemClock,
    mails: createAuthMetrics(registry).mails,
    log: createLogger({
      service: 'test',
      level: 'trace',
      destination: { write: (line) => void lines.push(line) },
    }),
    ...options,
  });
  closing.push(() => mailer.close());
  const outcomes = async () => {
    const metric = await registry.getSingleMetric('millrace_auth_mails_total')?.get();
    return Object.fromEntries(metric?.values.map(({ labels, value }) => [labels['outcome'], value]) ?? []);
  };
  return { mailer, lines, outcomes };
}

/** A mail server that says these lines, one for each line it is told. */
async function startScripted(answers: (heard: string) => string): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      for (const heard of chunk.toString().split('\r\n').filter(Boolean)) socket.write(answers(heard));
    });
    socket.write(answers(''));
    closing.push(async () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => server.close());
  // The address of a TCP socket is never the string of a pipe.
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a mail arrives as it was written', async () => {
  const server = await startMailServer();
  closing.push(() => server.stop());
  const { mailer, outcomes } = openMailer(server.url);
  mailer.send(MAIL);
  assert.deepEqual(await server.waitFor(MAIL.to), MAIL);
  const odd = { ...MAIL, to: "o'b{r}i|en+x@example.com" };
  mailer.send(odd);
  assert.deepEqual(await server.waitFor(odd.to), odd);
  await eventually(async () => assert.deepEqual(await outcomes(), { sent: 2 }));
});

test('a mail that the server is too busy for now is sent later, once', async () => {
  let refusals = 2;
  let taken = 0;
  const url = await startScripted((heard) => {
    if (heard === '') return '220 ready\r\n';
    if (heard === 'DATA') return '354 go on\r\n';
    if (heard === '.') taken++;
    if (heard.startsWith('RCPT') && refusals-- > 0) return '451 4.3.0 <ada@example.com> later\r\n';
    return /^(EHLO|MAIL|RCPT|RSET|QUIT|\.$)/.test(heard) ? '250 fine\r\n' : '';
  });
  const { mailer, lines, outcomes } = openMailer(url);
  mailer.send(MAIL);
  await eventually(async () => assert.deepEqual(await outcomes(), { sent: 1 }));
  assert.equal(taken, 1);
  assert.equal(lines.filter((line) => line.includes('could not be sent')).length, 2);
  assert.ok(!lines.join('').includes('ada@example.com') && !lines.join('').includes('123456'));
  assert.ok(lines.join('').includes('"responseCode":451'));
});

test('a mail that the server will not take is not tried again', async () => {
  const url = await startScripted((heard) => {
    if (heard === '') return '220 ready\r\n';
    return heard.startsWith('RCPT') ? '550 5.1.1 <ada@example.com> unknown\r\n' : '250 fine\r\n';
  });
  const { mailer, lines, outcomes } = openMailer(url);
  mailer.send(MAIL);
  await eventually(async () => assert.deepEqual(await outcomes(), { refused: 1 }));
  assert.equal(lines.length, 1);
  assert.ok(!lines.join('').includes('ada@example.com'));
});

test('a mail for a server that stays away is given up after ten minutes', async () => {
  const clock = createFixedClock(0);
  const { mailer, lines, outcomes } = openMailer(`smtp://127.0.0.1:${await pickFreePort()}`, { clock });
  mailer.send(MAIL);
  await eventually(() => assert.ok(lines.length >= 1));
  clock.advance(10 * 60_000);
  await eventually(async () => assert.deepEqual(await outcomes(), { given_up: 1 }));
});

test('what doesn’t fit is refused, and a stop doesn’t wait for a server that hangs', async () => {
  const { mailer, outcomes } = openMailer(await startScripted(() => ''), { maxPending: 2 });
  mailer.send(MAIL);
  mailer.requireRoom();
  mailer.send(MAIL);
  assert.throws(() => mailer.requireRoom(), { code: 'unavailable' });
  assert.throws(() => mailer.send(MAIL), { code: 'unavailable' });
  await mailer.close();
  assert.deepEqual(await outcomes(), { dropped: 2 });
  assert.throws(() => mailer.send(MAIL), { code: 'unavailable' });
});
