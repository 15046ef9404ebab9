import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHealth, startAdminServer } from './admin-server.ts';
import { createMetricsRegistry } from './metrics.ts';

test('a process is ready while it still prepares a store, and says what isn’t done', async (t) => {
  const health = createHealth(['listening']);
  const registry = createMetricsRegistry({ service: 'test', version: '0' });
  const admin = await startAdminServer({ host: '127.0.0.1', port: 0, health, registry });
  t.after(() => admin.close());
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${admin.port}${path}`);
    return [answer.status, await answer.text()];
  };
  const schema = Promise.withResolvers<void>();
  health.prepare('schema', schema.promise);
  assert.deepEqual(await ask('/preparedz'), [503, 'not prepared: listening, schema\n']);

  health.set('listening', true);
  for (const probe of ['/readyz', '/startupz']) assert.deepEqual(await ask(probe), [200, 'ready\n']);
  assert.deepEqual(await ask('/preparedz'), [503, 'not prepared: schema\n']);

  schema.resolve();
  await schema.promise;
  assert.deepEqual(await ask('/preparedz'), [200, 'prepared\n']);

  health.drain();
  assert.deepEqual(await ask('/readyz'), [503, 'not ready: draining\n']);
  assert.deepEqual(await ask('/preparedz'), [503, 'not prepared: draining\n']);
});

test('what could not be prepared stays undone', async () => {
  const health = createHealth([]);
  const failed = Promise.reject(new Error('too old'));
  health.prepare('schema', failed);
  await assert.rejects(failed);
  assert.deepEqual(health.unprepared(), ['schema']);
  assert.equal(health.ready, true);
});
