import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { AuthService } from '@millrace/contracts/millrace/auth/v1/auth';
import { loadSecrets, planSplit, type ServicePlanner, type Stack, startStack } from '@millrace/embedded';
import {
  createGrpcClient,
  createLogger,
  createServiceToken,
  openTlsFiles,
  systemClock,
} from '@millrace/runtime';
import { connectNats } from '@millrace/stores';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  createInspector,
  eventually,
  hermeticEnvironment,
  httpCall,
  type Inspector,
} from '@millrace/testkit';
import {
  startTlsFront,
  startTlsNats,
  startTlsRedis,
  type TlsNats,
  type TlsStore,
} from './support/tls-stores.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const dataDir = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
const closing: (() => Promise<void>)[] = [];
let ours: CertificateAuthority;
let theirs: CertificateAuthority;
let nats: TlsNats;
let stack: Stack;
let inspector: Inspector;
let authPort: number;

before(
  async () => {
    ours = createCertificateAuthority('ours');
    theirs = createCertificateAuthority('theirs');
    const service = ours.issue('service');
    const client = ours.issue('client');
    nats = await startTlsNats(join(dataDir, 'tls-nats'), ours, ours.issue('nats'));
    const redis: TlsStore = await startTlsRedis(ours, ours.issue('redis'));
    let clickHousePort = 0;
    const clickHouse = await startTlsFront(ours, ours.issue('clickhouse'), () => clickHousePort);
    closing.push(nats.stop, redis.stop, clickHouse.stop);
    const certificates = (store: string) => ({
      [`${store}_TLS_CA`]: ours.ca,
      [`${store}_TLS_CERT`]: store === 'GRPC' ? service.cert : client.cert,
      [`${store}_TLS_KEY`]: store === 'GRPC' ? service.key : client.key,
    });
    const env = {
      NATS_URL: `tls://localhost:${nats.port}`,
      NATS_USER: nats.user,
      NATS_PASSWORD: nats.password,
      CLICKHOUSE_URL: `https://localhost:${clickHouse.port}`,
      REDIS_URL: `rediss://:${nats.password}@localhost:${redis.port}`,
      ...Object.assign({}, ...['NATS', 'CLICKHOUSE', 'REDIS', 'GRPC'].map(certificates)),
    };
    const planWithTls: ServicePlanner = async (addresses) => {
      if ('clickHousePort' in addresses) clickHousePort = Number(addresses.clickHousePort);
      const specs = await planSplit(addresses);
      authPort = Number(specs.find(({ name }) => name === 'auth')?.env['GRPC_PORT']);
      return specs.map((spec) => ({ ...spec, env: { ...byName(spec.env), ...env } }));
    };
    stack = await startStack({
      dataDir,
      port: 0,
      adminPort: 0,
      split: true,
      env: hermeticEnvironment(),
      services: planWithTls,
      log: () => undefined,
    });
    inspector = createInspector(stack.connection.clickhouse);
    closing.push(stack.stop, inspector.close);
  },
  { timeout: 180_000 },
);

after(async () => {
  for (const close of closing.reverse()) await close();
  for (const directory of [dataDir, ours.directory, theirs.directory]) {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('an event comes from HTTP to its row over nothing but TLS', async () => {
  assert.equal(await send('whole-way'), true);
  await stored(['whole-way']);
  for (const name of ['edge', 'auth', 'ingest-accept', 'ingest-writer', 'analytics']) {
    assert.doesNotMatch(logOf(name), /Redis is away|travel in clear/, name);
  }
});

test('gRPC: a client with a foreign or an expired certificate is refused, and the log says so', async () => {
  const token = createServiceToken({ secret: loadSecrets(dataDir).serviceSecret, clock: systemClock });
  const verifyWith = async (files: { cert: string; key: string }) => {
    const tls = openTlsFiles({ ca: ours.ca, ...files }, log);
    const client = createGrpcClient(AuthService, { address: `localhost:${authPort}`, token, tls });
    try {
      return await client.methods.verify({ secret: 'x' }, { timeoutMs: 10_000 });
    } finally {
      client.close();
    }
  };
  await verifyWith(ours.issue('another-service'));
  for (const [files, reason] of [
    [theirs.issue('service'), /refused.*UNABLE_TO_|UNABLE_TO_.*refused/],
    [ours.issue('late', { expired: true }), /CERT_HAS_EXPIRED.*refused/],
  ] as const) {
    await assert.rejects(verifyWith(files), ({ code }: { code: string }) =>
      ['unavailable', 'deadline_exceeded'].includes(code),
    );
    await eventually(() => assert.match(logOf('auth'), reason));
  }
});

test('NATS: without our certificate or without the password nobody connects, and the error says why', async () => {
  const connectWith = (files: { cert: string; key: string }, password = nats.password) =>
    connectNats({
      url: `tls://localhost:${nats.port}`,
      identity: {
        NATS_USER: nats.user,
        NATS_PASSWORD: password,
        NATS_TLS_CA: ours.ca,
        NATS_TLS_CERT: files.cert,
        NATS_TLS_KEY: files.key,
      },
      name: 'test',
      log,
    });
  const good = ours.issue('somebody');
  await (await connectWith(good)).close();
  await assert.rejects(connectWith(good, 'another-password'), { code: 'unauthenticated' });
  for (const files of [theirs.issue('somebody'), ours.issue('late', { expired: true })]) {
    await assert.rejects(connectWith(files), /NATS at localhost:\d+/);
  }
  assert.match(nats.log(), /TLS handshake error.*(unknown authority|bad certificate)/);
  assert.match(nats.log(), /TLS handshake error.*expired/);
});

test('certificates are renewed under load: nothing is lost and the new ones are in use', {
  timeout: 180_000,
}, async () => {
  const old = await serialOf(authPort);
  let loading = true;
  const accepted: string[] = [];
  const failed: string[] = [];
  const load = Array.from({ length: 4 }, async (_, worker) => {
    for (let number = 0; loading; number++) {
      const id = `renewal-${worker}-${number}`;
      (await send(id)) ? accepted.push(id) : failed.push(id);
    }
  });
  try {
    const service = ours.issue('service');
    ours.issue('client');
    ours.issue('nats');
    nats.reload();
    const fresh = new X509Certificate(readFileSync(service.cert)).serialNumber;
    await eventually(async () => assert.equal(await serialOf(authPort), fresh), { timeoutMs: 60_000 });
    assert.notEqual(fresh, old);
    await nats.restart();
    const before = accepted.length;
    await eventually(() => assert.ok(accepted.length > before + 100), { timeoutMs: 60_000 });
  } finally {
    loading = false;
    await Promise.all(load);
  }
  assert.deepEqual(failed, []);
  await stored(accepted);
});

/** Sends an event, again where it is not accepted, as a client does; tells whether it was in the end. */
async function send(id: string): Promise<boolean> {
  for (let attempt = 0; attempt < 8; attempt++) {
    const answer = await httpCall(`${stack.connection.url}/v1/ingest`, {
      headers: { 'x-api-key': stack.connection.credentials.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify([{ type: 'tls.test', id }]),
    });
    if (answer.status === 202) return true;
    assert.ok([429, 503].includes(answer.status), answer.text);
  }
  return false;
}

async function stored(ids: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const rows = await inspector.rows(
        'SELECT count() AS n, uniqExact(event_id) AS ids FROM events WHERE event_id IN {ids:Array(String)}',
        { ids },
      );
      assert.deepEqual(rows, [{ n: String(ids.length), ids: String(ids.length) }]);
    },
    { timeoutMs: 60_000, intervalMs: 250 },
  );
}

function serialOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(ours.ca), ALPNProtocols: ['h2'] },
      () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

function logOf(service: string): string {
  return readFileSync(join(dataDir, 'logs', `${service}.log`), 'utf8');
}

/** The plan names the other services by address; a certificate is better held against a name. */
function byName(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value.replace('127.0.0.1:', 'localhost:')]),
  );
}
