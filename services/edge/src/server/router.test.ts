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
