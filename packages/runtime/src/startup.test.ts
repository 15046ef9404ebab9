import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from './errors.ts';
import { createLogger } from './logger.ts';
import { beginStartup, waitWithin } from './startup.ts';

function starting(budgetMs: number) {
  const lines: string[] = [];
  const stop = new AbortController();
  const log = createLogger({
    service: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  });
  return { startup: beginStartup({ budgetMs, signal: stop.signal, log }), stop, lines };
}

test('a store that comes late is waited for, and the log says for what', async () => {
  const { startup, lines } = starting(60_000);
  let tries = 0;
  const found = await startup.waitFor('the stream EVENTS', async () => {
    tries++;
    if (tries < 3) throw Object.assign(new Error('TIMEOUT'), { code: 'TIMEOUT' });
    return 'there';
  });
  assert.equal(found, 'there');
  assert.equal(
    lines.filter((line) => line.includes('the stream EVENTS') && line.includes('TIMEOUT')).length,
    1,
  );
});

test('what more time does not heal is thrown at once', async () => {
  for (const error of [new TypeError('a mistake'), new MillraceError('unauthenticated', 'refused')]) {
    const { startup } = starting(60_000);
    let tries = 0;
    const failing = startup.waitFor('it', () => {
      tries++;
      return Promise.reject(error);
    });
    await assert.rejects(failing, error);
    assert.equal(tries, 1);
  }
});

test('when the time is over the reason is told', async () => {
  const { startup } = starting(1);
  const cause = new Error('ECONNREFUSED');
  const failing = startup.waitFor('NATS', () =>
    Promise.reject(new MillraceError('unavailable', 'away', { cause })),
  );
  await assert.rejects(failing, /NATS: not there within .* STARTUP_TIMEOUT_SECONDS: away: ECONNREFUSED/);
});

test('a process that is told to stop waits for nothing', async () => {
  const { startup, stop } = starting(60_000);
  const waiting = startup.waitFor('it', () => new Promise(() => undefined));
  stop.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
});

test('after the start a failure is the caller’s', async () => {
  const { startup } = starting(60_000);
  startup.end();
  let tries = 0;
  const failing = waitWithin(startup, 'it', () => Promise.reject(new Error(`failure ${++tries}`)));
  await assert.rejects(failing, { message: 'failure 1' });
});
