import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicRoute } from '../../test/http-bench.ts';
import { createRouter } from './router.ts';

const PATHS = ['/api/v1/events', '/api/v1/events/batch', '/api/v1/events/:id', '/graphql', '/a/:id/b'];

test('every path may end in a slash', () => {
  const router = createRouter(PATHS.map((path) => publicRoute('POST', path, () => undefined)));
  for (const path of PATHS) {
    const asked = path.replace(':id', '1');
    for (const form of [asked, `${asked}/`]) {
      assert.equal(router.find('POST', form)?.route.path, path, form);
      assert.deepEqual(router.allowed(form), ['POST'], form);
    }
  }
});

test('a path that is spelled out has not the methods of a parameter in its place', () => {
  const router = createRouter([
    publicRoute('POST', '/things/replay', () => undefined),
    publicRoute('GET', '/things/:id', () => undefined),
    publicRoute('DELETE', '/things/:id', () => undefined),
  ]);
  assert.equal(router.find('GET', '/things/replay'), undefined);
  assert.deepEqual(router.allowed('/things/replay/'), ['POST']);
  assert.deepEqual(router.allowed('/things/replays'), ['GET', 'DELETE']);
});
