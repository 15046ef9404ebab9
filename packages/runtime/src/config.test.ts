import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { hideSecrets, loadConfig } from './config.ts';
import {
  baseConfig,
  clickHouseSettings,
  internalSettings,
  natsSettings,
  redisSettings,
  temporalSettings,
} from './shared-settings.ts';

const schema = baseConfig.extend({
  ...natsSettings,
  ...clickHouseSettings,
  ...redisSettings,
  ...temporalSettings,
  ...internalSettings,
  KEY_PEPPER: z.string().optional(),
  AUTH_ADDRESS: z.string().optional(),
});
const SECRET = 'k2VbQ9sT1xLw8mZr4NcY7hJp3GdFa6Ue';

/** The names that are complained about, in their order. */
function complaints(environment: Record<string, string>): string[] {
  try {
    loadConfig(schema, { SERVICE_SECRET: SECRET, ...environment });
    return [];
  } catch (error) {
    assert.ok(error instanceof Error);
    return [...error.message.matchAll(/^ {2}(\w+): /gm)].map(([, name = '']) => name);
  }
}

test('beyond loopback development must be asked for, whichever setting leads there', () => {
  for (const beyond of [
    { HOST: '0.0.0.0' },
    { HOST: '::' },
    { HOST: '10.0.0.1' },
    { NATS_URL: 'nats://127.0.0.1:4222,nats://nats.example:4222' },
    { NATS_URL: 'nats.example' },
    { CLICKHOUSE_URL: 'http://10.0.0.1:8123' },
    { REDIS_URL: 'redis://redis:6379' },
    { AUTH_ADDRESS: 'auth:7001' },
    { TEMPORAL_ADDRESS: 'temporal:7233' },
  ]) {
    const name = JSON.stringify(beyond);
    assert.deepEqual(complaints(beyond), ['MILLRACE_ENV'], name);
    assert.deepEqual(complaints({ ...beyond, MILLRACE_ENV: 'development' }), [], name);
  }
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    assert.deepEqual(complaints({ HOST: host }), []);
  }
});

test('in production every weak secret is named at once, and strong ones pass', () => {
  const weak = {
    MILLRACE_ENV: 'production',
    SERVICE_SECRET: 'x'.repeat(40),
    KEY_PEPPER: 'changemechangemechangemechangeme',
    NATS_URL: 'nats://user:short@127.0.0.1',
    CLICKHOUSE_PASSWORD: 'millrace',
    REDIS_URL: 'redis://:short@127.0.0.1',
    TEMPORAL_ADDRESS: '127.0.0.1:7233',
    TEMPORAL_API_KEY: 'short',
  };
  assert.deepEqual(complaints(weak).sort(), [
    'CLICKHOUSE_PASSWORD',
    'KEY_PEPPER',
    'NATS_URL',
    'REDIS_URL',
    'SERVICE_SECRET',
    'TEMPORAL_API_KEY',
  ]);
  assert.deepEqual(complaints({ ...weak, MILLRACE_ENV: 'development' }), []);
  assert.deepEqual(
    complaints({ MILLRACE_ENV: 'production', KEY_PEPPER: SECRET, CLICKHOUSE_PASSWORD: SECRET }),
    [],
  );
  assert.deepEqual(complaints({ MILLRACE_ENV: 'production' }), ['KEY_PEPPER']);
});

test('credentials and certificates that do not go together are refused', () => {
  const file = import.meta.filename;
  for (const [environment, names] of [
    [{ NATS_USER: 'u' }, ['NATS_PASSWORD']],
    [{ NATS_PASSWORD: 'p' }, ['NATS_USER']],
    [{ NATS_TOKEN: 't', NATS_NKEY: file }, ['NATS_NKEY']],
    [{ NATS_URL: 'nats://u:p@localhost', NATS_TOKEN: 't' }, ['NATS_TOKEN']],
    [{ NATS_TLS_CERT: file }, ['NATS_TLS_KEY', 'NATS_URL']],
    [{ NATS_URL: 'tls://127.0.0.1' }, ['NATS_URL']],
    [{ GRPC_TLS_CA: file }, ['GRPC_TLS_CERT']],
    [{ GRPC_TLS_CERT: file, GRPC_TLS_KEY: file }, ['GRPC_TLS_CA']],
    [{ GRPC_TLS_CA: file, GRPC_TLS_CERT: file, GRPC_TLS_KEY: file }, ['GRPC_TLS_CERT']],
    [{ NATS_CREDS: '/nonexistent' }, ['NATS_CREDS']],
    [{ REDIS_URL: 'http://localhost' }, ['REDIS_URL']],
    [{ TEMPORAL_ADDRESS: 'localhost' }, ['TEMPORAL_ADDRESS']],
    [{ TEMPORAL_API_KEY: 'key' }, ['TEMPORAL_ADDRESS']],
    [{ TEMPORAL_NAMESPACES: 'a' }, ['TEMPORAL_ADDRESS']],
    [{ TEMPORAL_ADDRESS: 'localhost:1', TEMPORAL_TLS_CERT: file }, ['TEMPORAL_TLS_KEY']],
    [{ TEMPORAL_ADDRESS: 'localhost:1', TEMPORAL_TLS_CA: file }, ['TEMPORAL_TLS_CA']],
  ] as const) {
    assert.deepEqual(complaints(environment).sort(), names, JSON.stringify(environment));
  }
});

test('what is wrong with a NATS URL is told without the password in it', () => {
  for (const url of [
    'http://u:hush@localhost',
    'nats://u:hush@h:99999',
    'nats://u:hush%zz@h',
    'nats://u:hush/@h',
  ]) {
    assert.throws(
      () => loadConfig(schema, { SERVICE_SECRET: SECRET, NATS_URL: url }),
      (error: Error) => error.message.includes('NATS_URL: ') && !error.message.includes('hush'),
      url,
    );
  }
});

test('no credential is shown by --check-config', () => {
  const config = {
    NATS_URL: 'nats://u:hush@localhost',
    NATS_PASSWORD: 'hush',
    NATS_TOKEN: 'hush',
    NATS_CREDS: 'hush',
    NATS_NKEY: 'hush',
    CLICKHOUSE_PASSWORD: 'hush',
    CLICKHOUSE_SQL_PASSWORD: 'hush',
    REDIS_URL: 'redis://:hush@localhost',
    SERVICE_SECRET: 'hush',
  };
  assert.ok(!JSON.stringify(config, hideSecrets).includes('hush'));
});

test('an empty variable is unset, unless its setting has a meaning for it', () => {
  const schema = z.object({
    PLAIN: z.string().default('default'),
    PUBLIC: z.string().optional().meta({ keepsEmpty: true }),
  });
  assert.deepEqual(loadConfig(schema, { PLAIN: '', PUBLIC: '' }), { PLAIN: 'default', PUBLIC: '' });
  assert.deepEqual(loadConfig(schema, {}), { PLAIN: 'default' });
});
