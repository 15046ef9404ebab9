import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { assertJson, memberOf, textAt } from './support/assert-answer.ts';
import { exampleJson } from './support/examples.ts';
import { httpCall } from './support/http-call.ts';

onEachTopology('003 analytics: health and documentation', (stack) => {
  const get = (path: string) => httpCall(`${stack().connection.url}${path}`, { method: 'GET' });

  // A store that is slow to answer is told as down.
  const getHealthy = async (path: string) => {
    const answer = await get(path);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(textAt(answer.json(), 'status'), 'healthy', answer.text);
    return answer;
  };

  test('200: /api/health answers every documented member, and the stores that there are', async () => {
    const askedAtMs = Date.now();
    const answer = await eventually(() => getHealthy('/api/health'));
    const body = answer.json();
    const documented = Object(exampleJson('analytics/health.json'));
    assert.deepEqual(Object.keys(Object(body)), Object.keys(documented));
    assert.match(textAt(body, 'version'), /^\d+\.\d+\.\d+/);
    const saidAtMs = Date.parse(textAt(body, 'timestamp'));
    assert.ok(saidAtMs >= askedAtMs && saidAtMs <= Date.now(), textAt(body, 'timestamp'));
    const uptime = memberOf(body, 'uptime');
    // This process has started the one that answers.
    assert.ok(typeof uptime === 'number' && uptime >= 0 && uptime <= process.uptime(), `${uptime}`);
    for (const service of ['mongodb', 'postgres', 'redis', 'clickhouse', 'nats']) {
      assert.equal(memberOf(body, 'services', service, 'status'), 'up', service);
    }
  });

  test('200: /api/ready answers the documented body', async () => {
    assertJson(await get('/api/ready'), 200, exampleJson('analytics/ready.json'));
  });

  test('200: /api/live answers the documented body', async () => {
    assertJson(await get('/api/live'), 200, exampleJson('analytics/live.json'));
  });

  test('200: /health answers', async () => {
    const answer = await eventually(() => getHealthy('/health'));
    assert.match(textAt(answer.json(), 'version'), /^\d+\.\d+\.\d+/);
  });

  test('200: /docs is a page whose every asset is served from here', async () => {
    const base = `${stack().connection.url}/docs/`;
    const url = `${stack().connection.url}/docs`;
    const page = await httpCall(url, { method: 'GET' });
    assert.equal(page.status, 200);
    assert.match(page.headers['content-type'] ?? '', /^text\/html/);
    const html = page.text;
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => new URL(path ?? '', url));
    assert.ok(assets.length >= 2, html);
    // An icon may be part of the page itself.
    for (const asset of assets.filter(({ protocol }) => protocol !== 'data:')) {
      assert.equal(asset.origin, new URL(base).origin, 'an asset comes from elsewhere');
      const answer = await httpCall(asset.href, { method: 'GET' });
      assert.equal(answer.status, 200, asset.href);
      assert.match(answer.headers['content-type'] ?? '', /^(text\/(css|javascript)|image\/)/, asset.href);
    }
    assert.doesNotMatch(html, /https?:\/\/(?!127\.0\.0\.1)/, 'the page names another host');
  });
});
