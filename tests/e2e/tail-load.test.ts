import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setInterval as every, setTimeout as sleep } from 'node:timers/promises';
import { planStandalone, type ServiceSpec, type Stack, startStack } from '@millrace/embedded';
import { eventually, hermeticEnvironment, httpCall } from '@millrace/testkit';
import { memberOf } from '../conformance/support/assert-answer.ts';
import { type OpenTail, openTail } from '../conformance/support/open-tail.ts';

const READERS = 1_000;
/** Those who watch everything, and those whose connection breaks again and again. */
const WATCHING_ALL = 10;
const RECONNECTING = 25;
/** The rest watch one of these types each. */
const RARE_TYPES = 10;
const ONE_RARE_IN = 4;

const BATCHES = 80;
const BATCH = 10;
const BATCH_EVERY_MS = 100;
const EVENTS = BATCHES * BATCH;

/** More than the sockets of both sides take, so that the rest waits in the server. */
const LARGE_EVENTS = 120;
const LARGE_BATCH = 20;
const LARGE_TEXT = 'x'.repeat(200_000);

/** Garbage is collected when there is a need: without a bound it would be taken for what readers hold. */
const SMALL_HEAP = '--max-old-space-size=160';
/** What readers may cost over the same events without any, outside of that heap, too. */
const READERS_MIB = 256;
const OPEN_AT_ONCE = 100;
const NOT_YET_MS = 60_000;

let dataDir = '';
let stack: Stack;
let plan: ServiceSpec[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-tail-load-'));
  stack = await startStack({
    dataDir,
    port: 0,
    adminPort: 0,
    split: false,
    services: async (options) => {
      const specs = await planStandalone(options);
      plan = specs.map((spec) => ({ ...spec, env: { ...spec.env, NODE_OPTIONS: SMALL_HEAP } }));
      return plan;
    },
    env: hermeticEnvironment({
      TAIL_MAX_READERS: String(READERS),
      TAIL_MAX_READERS_PER_WORKSPACE: String(READERS),
    }),
    log: () => undefined,
  });
});
after(async () => {
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

test(`${READERS} readers see each of their events once, whoever stalls or comes again among them`, async (t) => {
  const without = await peakDuring(residentMib, sendAll);
  const [slow, beside] = [await open('large'), await open('large')];
  slow.pause();
  const all = await openMany(WATCHING_ALL, () => 'load.*');
  const coming = await openMany(RECONNECTING, rareType);
  const steady = await openMany(READERS - 2 - WATCHING_ALL - RECONNECTING, rareType);
  assert.equal(await gauge('millrace_tail_readers'), READERS);
  const refused = await openTail(urlOf('load.*'), { 'x-api-key': apiKey() });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  refused.leave();

  const beginning = await residentMib();
  const resuming = Promise.all(coming.map((tail, i) => readBrokenly(tail, rareType(i))));
  const loaded = peakDuring(residentMib, async () => {
    // It is told why only as long as its connection lives: no client may leave an answer untaken for ever.
    await Promise.all([sendAll(), untilOneIsDropped().then(() => slow.readOn())]);
    await eventually(
      async () => {
        assert.equal(minCount(all), EVENTS);
        assert.equal(minCount(steady), numbersOf(rareType(0)).length);
        assert.equal(minCount([beside]), LARGE_EVENTS);
        assert.equal(await gauge('millrace_tail_dropped_total'), 1);
      },
      { timeoutMs: NOT_YET_MS },
    );
  });
  const [seenByResumed, peak] = await Promise.all([resuming, loaded]);
  t.diagnostic(
    `resident: without readers ${without.toFixed(0)} MiB at most; with them ${beginning.toFixed(0)}, ${peak.toFixed(0)} at most`,
  );
  assert.ok(peak - without < READERS_MIB, `${peak - without} MiB`);

  // Nothing has come twice, either, while somebody was dropped.
  for (const tail of all) assert.deepEqual(numbersIn(tail), numbersOf('load.*'));
  for (const [i, tail] of steady.entries()) assert.deepEqual(numbersIn(tail), numbersOf(rareType(i)));
  for (const [i, numbers] of seenByResumed.entries()) assert.deepEqual(numbers, numbersOf(rareType(i)));
  assert.deepEqual(numbersIn(beside), LARGE_NUMBERS);

  await slow.ended;
  const end = slow.sent().at(-1);
  assert.deepEqual(
    [end?.kind, end?.data['reason'], end?.data['cursor']],
    ['end', 'slow_reader', slow.lastId()],
  );
  const taken = numbersIn(slow);
  assert.ok(taken.length < LARGE_EVENTS);
  const again = await open('large', slow.lastId());
  await again.until(LARGE_EVENTS - taken.length);
  assert.deepEqual([...taken, ...numbersIn(again)], LARGE_NUMBERS);

  for (const tail of [...all, ...steady, beside, again]) tail.leave();
  await eventually(async () => assert.equal(await gauge('millrace_tail_readers'), 0), {
    timeoutMs: NOT_YET_MS,
  });
});

const apiKey = () => stack.connection.credentials.apiKey;
const urlOf = (type: string) => `${stack.connection.url}/v1/events/tail?${new URLSearchParams({ type })}`;
const rareType = (i: number) => `load.rare.${i % RARE_TYPES}`;
const typeOf = (n: number) => (n % ONE_RARE_IN === 0 ? rareType(n / ONE_RARE_IN) : 'load.common');
const numbersOf = (type: string) =>
  Array.from({ length: EVENTS }, (_, n) => n).filter((n) => type === 'load.*' || typeOf(n) === type);
const LARGE_NUMBERS = Array.from({ length: LARGE_EVENTS }, (_, n) => n);

const eventsIn = (tail: OpenTail) => tail.sent().filter(({ kind }) => kind === 'event');
const numbersIn = (tail: OpenTail) => eventsIn(tail).map(({ data }) => memberOf(data, 'payload', 'n'));
const minCount = (tails: readonly OpenTail[]) => Math.min(...tails.map((tail) => eventsIn(tail).length));

function untilOneIsDropped(): Promise<void> {
  return eventually(async () => assert.equal(await gauge('millrace_tail_dropped_total'), 1), {
    timeoutMs: 3 * NOT_YET_MS,
    intervalMs: 250,
  });
}

/** Opens a tail that has begun. */
async function open(type: string, lastEventId?: string): Promise<OpenTail> {
  const resuming = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  // The place of a connection that has just broken may still be taken.
  const tail = await eventually(
    async () => {
      const opened = await openTail(urlOf(type), { 'x-api-key': apiKey(), ...resuming });
      if (opened.status !== 200) opened.leave();
      assert.equal(opened.status, 200);
      return opened;
    },
    { timeoutMs: NOT_YET_MS },
  );
  await tail.until('id: ');
  return tail;
}

async function openMany(count: number, type: (i: number) => string): Promise<OpenTail[]> {
  const tails: OpenTail[] = [];
  while (tails.length < count) {
    const some = Math.min(OPEN_AT_ONCE, count - tails.length);
    tails.push(...(await Promise.all(Array.from({ length: some }, (_, i) => open(type(tails.length + i))))));
  }
  return tails;
}

/** Reads all numbers of a type, over a connection that breaks after every few. */
async function readBrokenly(first: OpenTail, type: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  const total = numbersOf(type).length;
  for (let tail = first; ; ) {
    await tail.until(Math.min(2 + (seen.length % 5), total - seen.length));
    tail.leave();
    await tail.ended;
    seen.push(...numbersIn(tail));
    if (seen.length >= total) return seen;
    tail = await open(type, tail.lastId());
  }
}

async function sendAll(): Promise<void> {
  await Promise.all([sendEvents(), sendLarge()]);
}

async function sendEvents(): Promise<void> {
  let next = 0;
  for await (const _ of every(BATCH_EVERY_MS)) {
    await ingest(
      Array.from({ length: BATCH }, (_, i) => ({ type: typeOf(next + i), payload: { n: next + i } })),
    );
    next += BATCH;
    if (next === EVENTS) return;
  }
}

async function sendLarge(): Promise<void> {
  for (let n = 0; n < LARGE_EVENTS; n += LARGE_BATCH) {
    await ingest(
      Array.from({ length: LARGE_BATCH }, (_, i) => ({
        type: 'large',
        payload: { n: n + i, text: LARGE_TEXT },
      })),
    );
  }
}

async function ingest(events: readonly object[]): Promise<void> {
  const answer = await httpCall(`${stack.connection.url}/v1/ingest`, {
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey() },
    body: JSON.stringify(events),
  });
  assert.equal(answer.status, 202, answer.text);
}

/** Of the process that serves. */
async function gauge(name: string): Promise<number> {
  const adminPort = plan.find((spec) => spec.name === 'standalone')?.adminPort;
  const { status, text } = await httpCall(`http://127.0.0.1:${adminPort}/metrics`, { method: 'GET' });
  assert.equal(status, 200);
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1];
  return Number(value ?? 0);
}

async function residentMib(): Promise<number> {
  return (await gauge('process_resident_memory_bytes')) / 1024 ** 2;
}

/** The most that something was while something else went on, looked at twice a second. */
async function peakDuring(read: () => Promise<number>, work: () => Promise<void>): Promise<number> {
  const done = new AbortController();
  const watch = async () => {
    let most = await read();
    while (!done.signal.aborted) {
      await sleep(500, undefined, { signal: done.signal }).catch(() => undefined);
      most = Math.max(most, await read());
    }
    return most;
  };
  const [most] = await Promise.all([watch(), work().finally(() => done.abort())]);
  return most;
}
