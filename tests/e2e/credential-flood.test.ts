import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  planSplit,
  planStandalone,
  type ServicePlanner,
  type ServiceSpec,
  type Stack,
  startStack,
} from '@millrace/embedded';
import { hermeticEnvironment, httpCall } from '@millrace/testkit';
import { floodWith } from './support/flood.ts';

const FLOOD = 25_000;
/** Made before the memory is first looked at, so that caches and buffers have their size. */
const WARM_UP = 15_000;
/** Sent while a good key comes. */
const BESIDE = 3_000;
/** 1.3 KiB for each credential of half a flood: more than the least heap of a half varies by, once the caches are full. */
const HEAP_GROWTH_MIB = 16;
const SAMPLE_MS = 250;
/** Garbage is collected when there is a need: without a bound it would be taken for what is kept. */
const SMALL_HEAP = '--max-old-space-size=160';
/** Each call to auth carries many; of 64 connections that wait for their answers there are never more than 64. */
const CREDENTIALS_PER_CALL = 4;

for (const topology of ['standalone', 'split'] as const) {
  describe(`a flood of ${FLOOD} credentials that nobody has issued (${topology})`, () => {
    let dataDir = '';
    let stack: Stack;
    let plan: readonly ServiceSpec[] = [];

    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'millrace-flood-'));
      const services: ServicePlanner = async (options) => {
        const made = await (topology === 'split' ? planSplit : planStandalone)(options);
        const small = made.map((spec) => ({ ...spec, env: { ...spec.env, NODE_OPTIONS: SMALL_HEAP } }));
        plan = small;
        return small;
      };
      stack = await startStack({
        dataDir,
        port: 0,
        adminPort: 0,
        split: topology === 'split',
        services,
        env: hermeticEnvironment({}),
        log: () => undefined,
      });
    });
    after(async () => {
      await stack.stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    });

    test('none is let in, none causes a failure, and memory stays what it was', async (t) => {
      const { url, credentials } = stack.connection;
      const good = [credentials.apiKey, credentials.externalEventToken, credentials.bearerToken];
      await floodWith(url, WARM_UP, () => mutant(good));
      const heap = startSampling(heapMib);
      const callsBefore = await verifyCalls();
      const statuses = await floodWith(url, FLOOD, () => mutant(good));
      const calls = (await verifyCalls()) - callsBefore;
      const grown = await heap.growth();
      t.diagnostic(`${JSON.stringify(Object.fromEntries(statuses))}, heap ${grown.toFixed(0)} MiB more`);
      for (const status of statuses.keys()) assert.ok(status === 401 || status === 429, `${status}`);
      assert.ok((statuses.get(401) ?? 0) > FLOOD / 2, 'most were judged');
      assert.ok(grown < HEAP_GROWTH_MIB, `${grown} MiB`);
      if (topology === 'split') {
        t.diagnostic(`auth was called ${calls} times`);
        assert.ok(calls > 0 && calls < FLOOD / CREDENTIALS_PER_CALL, `${calls} calls`);
      }
    });

    test('a good key that nobody has used yet is let in meanwhile', async () => {
      const { url, credentials } = stack.connection;
      const flood = floodWith(url, BESIDE, () => mutant([credentials.apiKey]));
      const answer = await httpCall(`${url}/email`, {
        headers: { 'content-type': 'application/json', 'x-api-key': credentials.emailApiKey },
        body: JSON.stringify({ email_id: 'flood', domain: 'example.com', labels: ['inbox'] }),
      });
      assert.equal(answer.status, 200, answer.text);
      await flood;
      const headers = { authorization: `Bearer ${credentials.apiKey}` };
      const stats = await httpCall(`${url}/api/v1/events/stats`, { method: 'GET', headers });
      assert.equal(stats.status, 200);
    });

    /** Of the processes that see the flood. */
    async function heapMib(): Promise<number> {
      const seeing = plan.filter(({ name }) => ['standalone', 'edge', 'auth'].includes(name));
      const texts = await Promise.all(seeing.map(({ adminPort }) => metricsOf(adminPort)));
      return texts.reduce((sum, text) => sum + gaugeIn(text, 'nodejs_heap_size_used_bytes'), 0) / 1024 ** 2;
    }

    async function verifyCalls(): Promise<number> {
      const auth = plan.find(({ name }) => name === 'auth');
      if (auth === undefined) return 0;
      const counts = (await metricsOf(auth.adminPort)).matchAll(
        /^millrace_grpc_requests_total\{[^}]*method="Verify\w*"[^}]*\} (\d+)/gm,
      );
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    }
  });
}

async function metricsOf(adminPort: number): Promise<string> {
  const { status, text } = await httpCall(`http://127.0.0.1:${adminPort}/metrics`, { method: 'GET' });
  assert.equal(status, 200);
  return text;
}

function gaugeIn(metrics: string, name: string): number {
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(metrics)?.[1];
  assert.ok(value !== undefined, name);
  return Number(value);
}

/** Looks at something all the time; its growth is that of the least value from the first half to the second. */
function startSampling(read: () => Promise<number>): { growth(): Promise<number> } {
  const samples: number[] = [];
  let isStopping = false;
  const run = async (): Promise<void> => {
    while (!isStopping) {
      samples.push(await read());
      await sleep(SAMPLE_MS);
    }
  };
  const running = run();
  return {
    async growth() {
      isStopping = true;
      await running;
      const half = Math.floor(samples.length / 2);
      assert.ok(half > 2, 'there are samples');
      return Math.min(...samples.slice(half)) - Math.min(...samples.slice(0, half));
    },
  };
}

/** A good credential with something wrong about it, different each time. */
function mutant(good: readonly string[]): string {
  const random = randomBytes(8);
  const secret = good[random.readUInt8(0) % good.length] ?? '';
  const at = random.readUInt8(1) % secret.length;
  const noise = random.subarray(2).toString('hex');
  switch (random.readUInt8(7) % 5) {
    case 0:
      return secret.slice(0, at) + noise + secret.slice(at + 1);
    case 1:
      return `${secret}${noise}`;
    case 2:
      return `${secret.slice(0, -12)}${noise}`;
    case 3:
      return `evp_${randomBytes(32).toString('base64url')}`;
    default:
      return `${noise}${secret.slice(at)}`;
  }
}
