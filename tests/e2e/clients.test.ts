import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { ROOT, runCommand, runSuccessfully } from './support/run-command.ts';

const GRPCURL_VERSION = 'v1.9.3';
const GRPCURL_MODULE = 'github.com/fullstorydev/grpcurl/cmd/grpcurl';
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace');
const BUILD_TIMEOUT_MS = 300_000;
const BUF = join(ROOT, 'node_modules/.bin/buf');
const METHOD = 'millrace.api.v1.EventService/Ingest';

onEachTopology('the usual tools, all on one port', (stack) => {
  const address = () => new URL(stack().connection.url).host;
  const bearer = () => `authorization: Bearer ${stack().connection.credentials.apiKey}`;
  const request = (type: string) => JSON.stringify({ events: [{ type, payload: { tool: type } }] });
  const assertStored = async (printed: string, eventType: string) => {
    assert.match(printed, /EVENT_STATUS_ACCEPTED/);
    const sql = 'SELECT payload FROM events WHERE event_type = {eventType:String}';
    await eventually(async () => {
      assert.deepEqual(await stack().inspector.rows(sql, { eventType }), [
        { payload: `{"tool":"${eventType}"}` },
      ]);
    });
  };

  test('curl: REST', async () => {
    const { url, credentials } = stack().connection;
    const args = ['-sS', '-w', '%{http_code}', '-H', 'content-type: application/json'];
    const body = '{"eventType":"curl","userId":"u","sessionId":"s","timestamp":"2024-01-30T12:34:56Z"}';
    const key = ['-H', `x-api-key: ${credentials.apiKey}`, '-d', body];
    const printed = await runSuccessfully('curl', [...args, ...key, `${url}/api/v1/events`]);
    assert.match(printed, /202$/);
  });

  test('curl: REST over HTTP/2 on the same port', async () => {
    const { url, credentials } = stack().connection;
    const args = ['-sS', '--http2-prior-knowledge', '-w', ' %{http_code} %{http_version}'];
    const headers = ['-H', 'content-type: application/json', '-H', `x-api-key: ${credentials.apiKey}`];
    const body = ['-d', '[{"type":"curl.h2"}]'];
    assert.match(
      await runSuccessfully('curl', [...args, ...headers, ...body, `${url}/v1/ingest`]),
      / 202 2$/,
    );
  });

  test('curl: 413 for a large body, told and not hung up on', async () => {
    const { url, credentials } = stack().connection;
    const command = `head -c 30000000 /dev/zero | curl -sS -w '%{http_code}' -H 'expect:' -H 'content-type: application/json' -H 'x-api-key: ${credentials.apiKey}' --data-binary @- ${url}/v1/ingest`;
    assert.match(await runSuccessfully('bash', ['-c', command]), /413$/);
  });

  for (const protocol of ['grpc', 'grpcweb', 'connect']) {
    test(`buf curl: ${protocol}, its schema by reflection`, async () => {
      const type = `buf.${protocol}`;
      const options = ['--http2-prior-knowledge', '--protocol', protocol, '-H', bearer()];
      const url = `${stack().connection.url}/${METHOD}`;
      await assertStored(await runSuccessfully(BUF, ['curl', ...options, '-d', request(type), url]), type);
    });
  }

  test('grpcurl: a call, the services and the health of each', { timeout: BUILD_TIMEOUT_MS }, async () => {
    const grpcurl = await buildGrpcurl();
    const plain = ['-plaintext', '-H', bearer()];
    const call = [...plain, '-d', request('grpcurl'), address(), METHOD];
    await assertStored(await runSuccessfully(grpcurl, call), 'grpcurl');
    const services = (await runSuccessfully(grpcurl, ['-plaintext', address(), 'list'])).trim().split('\n');
    for (const name of ['grpc.health.v1.Health', 'millrace.api.v1.EventService']) {
      assert.ok(services.includes(name), services.join());
    }
    assert.ok(!services.some((name) => /millrace\.(auth|ingest|analytics)/.test(name)), services.join());
    for (const service of ['', 'millrace.api.v1.EventService']) {
      const check = [
        '-plaintext',
        '-d',
        JSON.stringify({ service }),
        address(),
        'grpc.health.v1.Health/Check',
      ];
      assert.deepEqual(JSON.parse(await runSuccessfully(grpcurl, check)), { status: 'SERVING' });
    }
    const description = await runSuccessfully(grpcurl, [
      '-plaintext',
      address(),
      'describe',
      METHOD.replace('/', '.'),
    ]);
    assert.match(description, /rpc Ingest/);
  });

  test('grpcurl: without a key it is told UNAUTHENTICATED', { timeout: BUILD_TIMEOUT_MS }, async () => {
    const args = ['-plaintext', '-d', request('refused'), address(), METHOD];
    const { status, errors } = await runCommand(await buildGrpcurl(), args);
    assert.notEqual(status, 0);
    assert.match(errors, /Unauthenticated/);
  });
});

/** Builds grpcurl once for a version. */
async function buildGrpcurl(): Promise<string> {
  const directory = join(CACHE, `grpcurl-${GRPCURL_VERSION}`);
  const program = join(directory, 'grpcurl');
  if (existsSync(program)) return program;
  const unfinished = `${directory}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  await runSuccessfully('go', ['install', `${GRPCURL_MODULE}@${GRPCURL_VERSION}`], {
    env: { GOBIN: unfinished },
    timeoutMs: BUILD_TIMEOUT_MS,
    install: 'install Go from https://go.dev/dl or: apt-get install -y golang-go',
  });
  await rename(unfinished, directory);
  return program;
}
