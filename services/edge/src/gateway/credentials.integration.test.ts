import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { AuthService, CredentialChangedSchema, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
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
import { connectCredentials } from './credentials-connect.ts';
import { createGrpcCredentialLookup } from './credentials-lookup-grpc.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const token = createServiceToken({ secret: 'a shared service secret', clock: systemClock });
const good = new Set(['a', 'b']);
let asked = 0;
let nats: NatsServer;
let auth: GrpcServer;
let dataDir: string;
const closing: (() => Promise<void>)[] = [];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-credentials-'));
  nats = await startNatsServer({ dataDir });
  auth = await startAuth(0);
});

after(async () => {
  for (const close of closing.reverse()) await close();
  await auth.close();
  await nats.stop();
  await rm(dataDir, { recursive: true });
});

test('verdicts come by gRPC, are cached, dropped when announced, and held while auth is away', async () => {
  const connection = await connectNats({ url: nats.url, name: 'edge-test', log });
  const lookup = createGrpcCredentialLookup({ address: `127.0.0.1:${auth.port}`, token });
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
  await until(async () => (await kindOf('a')) === 'refused', 1_000);

  const { port } = auth;
  await auth.close();
  assert.equal(await kindOf('b'), 'granted');
  await assert.rejects(async () => credentials.verify('never seen'), { code: 'unavailable' });
  auth = await startAuth(port);

  good.delete('b');
  await nats.kill();
  assert.equal(await kindOf('b'), 'granted', 'the verdict is younger than 30 s');
  nats = await startNatsServer({ dataDir, port: nats.port });
  await until(async () => (await kindOf('b')) === 'refused', 5_000);
});

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
        async verify({ secret }) {
          asked++;
          return good.has(secret)
            ? { credentialId: `id of ${secret}`, workspaceId: 'w', permissions: ['events:write'] }
            : { refusal: Refusal.UNKNOWN };
        },
      }),
    ],
  });
}

async function until(condition: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `not within ${timeoutMs} ms`);
    await delay(20);
  }
}
