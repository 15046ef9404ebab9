import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '@millrace/runtime';
import { authConfig, authServiceConfig } from './config.ts';
import { environmentCredentials } from './credentials/environment-credentials.ts';

test('in production every missing or wrong setting is listed at once', () => {
  assert.throws(
    () =>
      loadConfig(authServiceConfig, {
        MILLRACE_ENV: 'production',
        GRPC_PORT: 'x',
        BOOTSTRAP_API_KEY: 'short',
      }),
    (error: Error) =>
      ['KEY_PEPPER', 'SERVICE_SECRET', 'GRPC_PORT', 'BOOTSTRAP_API_KEY'].every((name) =>
        error.message.includes(`  ${name}: `),
      ),
  );
});

test('development needs no setting in process', () => {
  assert.equal(loadConfig(authConfig, {}).KEY_PEPPER, undefined);
});

test('dev-token and test-token are there in development and only while COMPOZY_API_TOKEN is unset', () => {
  const secretsIn = (environment: Record<string, string>) =>
    environmentCredentials(loadConfig(authConfig, environment)).map(({ secret }) => secret);
  assert.deepEqual(secretsIn({}), ['dev-token', 'test-token']);
  assert.deepEqual(secretsIn({ COMPOZY_API_TOKEN: 'mine' }), ['mine']);
  assert.deepEqual(
    secretsIn({ MILLRACE_ENV: 'production', KEY_PEPPER: 'a pepper of thirty-two characters' }),
    [],
  );
});

test('two settings with one value are one credential with the permissions of both', () => {
  const same = 'the-same-secret-everywhere';
  const credentials = environmentCredentials(
    loadConfig(authConfig, { BOOTSTRAP_API_KEY: same, EMAIL_API_KEY: same, COMPOZY_API_TOKEN: 'another' }),
  );
  assert.deepEqual(
    credentials.map(({ environmentName, kind, permissions }) => [environmentName, kind, permissions]),
    [
      ['BOOTSTRAP_API_KEY, EMAIL_API_KEY', 'analytics_key', ['*', 'events:write']],
      ['COMPOZY_API_TOKEN', 'environment', ['events:write']],
    ],
  );
});

test('a secret that no header can carry is refused at the start', () => {
  for (const secret of ['two words', 'schlüssel', 'tab\there']) {
    assert.throws(
      () => loadConfig(authConfig, { EMAIL_API_KEY: secret }),
      /EMAIL_API_KEY: must have no blanks/,
    );
  }
});
