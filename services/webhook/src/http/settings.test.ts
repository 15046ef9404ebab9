import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseConfig, loadConfig } from '@millrace/runtime';
import { addressPolicyOf, connectionLimitsOf, webhookHttpSettings } from './settings.ts';

const schema = baseConfig.extend(webhookHttpSettings);

test('private addresses may be called in development, and in production only when that is said', () => {
  const allows = (environment: Record<string, string>, host = '127.0.0.1') =>
    addressPolicyOf(loadConfig(schema, environment)).allowsHost(host);
  assert.equal(allows({}), true);
  assert.equal(allows({ MILLRACE_ENV: 'development' }), true);
  assert.equal(allows({ MILLRACE_ENV: 'development', WEBHOOK_ALLOW_PRIVATE: 'false' }), false);
  assert.equal(allows({ MILLRACE_ENV: 'production' }), false);
  assert.equal(allows({ MILLRACE_ENV: 'production', WEBHOOK_ALLOW_PRIVATE: 'true' }), true);
  assert.equal(allows({}, '169.254.169.254'), false);
});

test('lists are read into the policy', () => {
  const policy = addressPolicyOf(
    loadConfig(schema, {
      MILLRACE_ENV: 'production',
      WEBHOOK_ALLOWED_HOSTS: ' hooks.internal, *.apps.svc,10.1.0.0/16 ,',
      WEBHOOK_DENIED_CIDRS: '8.8.0.0/16, 2a00:1::/32',
      WEBHOOK_REQUIRE_HTTPS: 'true',
    }),
  );
  for (const host of ['hooks.internal', 'a.apps.svc', '10.1.0.9'])
    assert.equal(policy.allowsHost(host), true);
  for (const host of ['8.8.8.8', '2a00:1::9', '10.2.0.9']) assert.equal(policy.allowsHost(host), false);
  assert.equal(policy.requiresHttps, true);
});

test('limits are read', () => {
  const limits = connectionLimitsOf(loadConfig(schema, { WEBHOOK_MAX_IDLE_CONNECTIONS: '0' }));
  assert.deepEqual(limits, { total: 1_000, perOrigin: 64, idle: 0 });
});

test('every bad item is named', () => {
  const environment = {
    WEBHOOK_ALLOWED_HOSTS: 'ok.example.com,https://no,10.0.0.0/40',
    WEBHOOK_DENIED_CIDRS: 'example.com',
    WEBHOOK_PROXY_URL: 'socks5://proxy:1080',
  };
  assert.throws(
    () => loadConfig(schema, environment),
    (error: Error) => {
      assert.match(error.message, /WEBHOOK_ALLOWED_HOSTS: https:\/\/no is no host name/);
      assert.match(error.message, /WEBHOOK_ALLOWED_HOSTS: 10\.0\.0\.0\/40 is no host name/);
      assert.match(error.message, /WEBHOOK_DENIED_CIDRS: example\.com is no IP address or CIDR range/);
      assert.match(error.message, /WEBHOOK_PROXY_URL/);
      return true;
    },
  );
  const unreadable = { WEBHOOK_PROXY_URL: 'http://me:100%@proxy.example.com:3128' };
  assert.throws(() => loadConfig(schema, unreadable), /WEBHOOK_PROXY_URL: must have its user and password/);
});
