import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  AuthService,
  CredentialChangedSchema,
  Refusal,
  type VerifyResponseSchema,
} from '@millrace/contracts/millrace/auth/v1/auth';
import { type NatsServer, startNatsServer } from '@millrace/embedded';
import {
  bindService,
  createLogger,
  createMetricsRegistry,
  createServiceToken,
  type GrpcServer,
  startGrpcServer,
  startTracing,
  systemClock,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import { untilPushed } from '@millrace/testkit';
import { createCredentialCache } from './credentials-cache.ts';
import { connectCredentials } from './credentials-changes.ts';
import { createGrpcCredentialLookup } from './credentials-lookup-grpc.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const token = createServiceToken({ secret: 'a shared service secret', clock: systemClock });
const good = new Set(['a', 'b', 'not-cached', 'limited', 'limited-by-default', 'unlimited']);
const LIMITS: Readonly<Record<string, { requestsPerMinute: number; burst: number }>> = {
  limited: { requestsPerMinute: 60, burst: 5 },
  'limited-by-default': { requestsPerMinute: 60, burst: 0 },
  unlimited: { requestsPerMinute: 0, burst: 0 },
};
let asked = 0;
let calls = 0;
setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');
let nats: NatsServer;
let auth: GrpcServer;
let dataDir: string;
const closing: (() => Promise<void>)[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-credentials-'));
  nats = await startNatsServer({ password: 'a-password-of-tests', dataDir });
  auth = await startAuth(0);
});

after(async () => {
  for (const close of closing.reverse()) await close();
  await auth.close();
  await nats.stop();
  await rm(dataDir, { recursive: true });
});

test('verdicts come by gRPC, are cached, dropped when announced, and held while auth is away', async (t) => {
  const connection = await connectNats({ url: nats.url, name: 'edge-test', log });
  const lookup = createGrpcCredentialLookup({ address: `127.0.0.1:${auth.port}`, token, clock: systemClock });
  const credentials = connectCredentials({
    lookUp: lookup.lookUp,
    connection,
    registry: createMetricsRegistry({ service: 'test', version: '0' }),
    clock: systemClock,
    log,
  });
  closing.push(async () => {
    credentials.close();
    lookup.close();
    await connection.close();
  });
  const kindOf = async (secret: string) => (await credentials.verify(secret)).kind;
  await connection.flush();

  const first = await credentials.verify('a');
  assert.equal(first.kind === 'granted' && first.workspaceId, 'w');
  assert.equal(await kindOf('b'), 'granted');
  assert.deepEqual(await credentials.verify('c'), { kind: 'refused', refusal: Refusal.UNKNOWN });
  const askedBefore = asked;
  assert.equal(await kindOf('a'), 'granted');
  assert.equal(asked, askedBefore);

  good.delete('a');
  connection.publish(
    'millrace.auth.changed',
    toBinary(CredentialChangedSchema, create(CredentialChangedSchema, { credentialId: 'id of a' })),
  );
  await untilPushed(t, 'refused', async () => assert.equal(await kindOf('a'), 'refused'));

  const { port } = auth;
  await auth.close();
  assert.equal(await kindOf('b'), 'granted');
  await assert.rejects(async () => credentials.verify('never-seen'), { code: 'unavailable' });
  auth = await startAuth(port);

  good.delete('b');
  await nats.kill();
  assert.equal(await kindOf('b'), 'granted', 'the verdict is younger than 30 s');
  nats = await startNatsServer({ password: 'a-password-of-tests', dataDir, port: nats.port });
  await untilPushed(t, 'asked for again', async () => assert.equal(await kindOf('b'), 'refused'));
});

test('a limit comes with its verdict, without one it has the default burst, and none of zero', async () => {
  const { lookup } = open();
  const limitOf = async (secret: string) => {
    const verdict = await lookup.lookUp(secret, 'unknown');
    return verdict.kind === 'granted' && verdict.rateLimit;
  };
  assert.deepEqual(await limitOf('limited'), { requestsPerMinute: 60, burst: 5 });
  assert.deepEqual(await limitOf('limited-by-default'), { requestsPerMinute: 60, burst: 10 });
  assert.equal(await limitOf('unlimited'), undefined);
  assert.equal(await limitOf('b-unknown'), false);
});

test('100,000 mutated keys are refused in few calls, hold up no good one, and leave no memory behind', async () => {
  const { lookup } = open();
  const cache = createCredentialCache({
    lookUp: lookup.lookUp,
    clock: systemClock,
    log,
    lookups: { add: () => undefined, series: () => ({ add: () => undefined }) },
  });
  const key = (i: number) => `evp_${createHash('sha256').update(String(i)).digest('base64url')}`;
  const flood = async (from: number, count: number) => {
    const outcomes = new Map<string, number>();
    const tally = (outcome: string) => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const verify = async (secret: string) => (await cache.verify(secret)).kind;
    for (let i = from; i < from + count; i += 2_000) {
      const some = Array.from({ length: 2_000 }, (_, n) => key(i + n));
      await Promise.all(some.map((secret) => verify(secret).then(tally)));
    }
    return Object.fromEntries(outcomes);
  };
  await flood(1_000_000, 20_000);
  const heapBefore = heapUsed();
  const callsBefore = calls;

  const flooded = flood(0, 100_000);
  await new Promise((resolve) => setImmediate(resolve));
  const newcomer = await cache.verify('not-cached');
  const callsUntilGood = calls - callsBefore;

  assert.deepEqual(await flooded, { refused: 100_000 });
  assert.equal(newcomer.kind, 'granted');
  const callsMade = calls - callsBefore;
  assert.ok(
    callsUntilGood < callsMade / 2,
    `the good key came after ${callsUntilGood} of ${callsMade} calls`,
  );
  assert.ok(callsMade <= 2_000, `${callsMade} calls`);
  assert.ok(cache.size <= 10_001, `${cache.size} entries`);
  const grownBytes = heapUsed() - heapBefore;
  assert.ok(grownBytes < 16 * 1024 * 1024, `the heap grew by ${grownBytes} bytes`);
});

test('more unknown keys than may wait are turned away at once, as too many and not as a failure', async () => {
  const { lookup } = open();
  // Auth answers nobody before all have asked, however fast it is.
  const asked = Promise.withResolvers<void>();
  const cache = createCredentialCache({
    lookUp: async (secret) => {
      await asked.promise;
      return secret === 'not-cached'
        ? lookup.lookUp(secret, 'unknown')
        : { kind: 'refused', refusal: Refusal.UNKNOWN };
    },
    clock: systemClock,
    log,
    lookups: { add: () => undefined, series: () => ({ add: () => undefined }) },
  });
  const answers = Array.from({ length: 20_000 }, async (_, i) => cache.verify(`unknown-${i}`));
  asked.resolve();
  const turnedAway = (await Promise.allSettled(answers)).filter((answer) => answer.status === 'rejected');
  assert.equal(turnedAway.length, 20_000 - 16_384);
  assert.ok(turnedAway.every(({ reason }) => reason.code === 'resource_exhausted'));
  assert.equal((await cache.verify('not-cached')).kind, 'granted', 'there is room again');
});

/** A look-up of the test's own, closed with the test. */
function open(clock = systemClock) {
  const lookup = createGrpcCredentialLookup({ address: `127.0.0.1:${auth.port}`, token, clock });
  closing.push(async () => lookup.close());
  return { lookup };
}

function heapUsed(): number {
  for (let i = 0; i < 3; i++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

async function startAuth(port: number): Promise<GrpcServer> {
  return startGrpcServer({
    host: '127.0.0.1',
    port,
    token,
    registry: createMetricsRegistry({ service: 'test', version: '0' }),
    tracing: await startTracing({ service: 'test', endpoint: undefined, log }),
    log,
    services: [
      bindService(AuthService, {
        async verifyBatch({ secrets }) {
          calls++;
          asked += secrets.length;
          return { verdicts: secrets.map(verdictOn) };
        },
      }),
    ],
  });
}

function verdictOn(secret: string): MessageInitShape<typeof VerifyResponseSchema> {
  if (!good.has(secret)) return { refusal: Refusal.UNKNOWN };
  const rateLimit = LIMITS[secret];
  return {
    credentialId: `id of ${secret}`,
    workspaceId: 'w',
    permissions: ['events:write'],
    ...(rateLimit && { rateLimit }),
  };
}
