import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicConfig } from './config.ts';

test('unset, no proxy is believed, and only the sign-in routes are limited', () => {
  const config = publicConfig.parse({});
  assert.deepEqual(config.TRUSTED_PROXIES, []);
  assert.equal(config.WORKFLOW_RATE_LIMIT_PER_MINUTE, 0);
  assert.equal(config.AUTH_RATE_LIMIT_PER_MINUTE, 100);
});

test('trusted proxies are addresses, ranges and names; what is none is named', () => {
  const ranges = (text: string) => publicConfig.safeParse({ TRUSTED_PROXIES: text });
  assert.deepEqual(ranges(' loopback, 10.0.0.0/8 ,2001:db8::1').data?.TRUSTED_PROXIES, [
    'loopback',
    '10.0.0.0/8',
    '2001:db8::1',
  ]);
  const wrong = ranges('10.0.0.0/8, proxy.example, 0.0.0.0/0');
  assert.deepEqual(
    wrong.error?.issues.map(({ path, message }) => [path.join('.'), message]),
    ['proxy.example', '0.0.0.0/0'].map((range) => [
      'TRUSTED_PROXIES',
      `${range} is no IP address, CIDR range, loopback, linklocal or uniquelocal`,
    ]),
  );
});

test('a limit is a whole number of requests a minute', () => {
  for (const name of ['WORKFLOW_RATE_LIMIT_PER_MINUTE', 'AUTH_RATE_LIMIT_PER_MINUTE']) {
    assert.ok(publicConfig.safeParse({ [name]: '1000' }).success);
    for (const text of ['-1', '1.5', 'many'])
      assert.ok(!publicConfig.safeParse({ [name]: text }).success, text);
  }
});
