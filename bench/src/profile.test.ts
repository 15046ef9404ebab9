import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpuProfile, sumUp } from './profile.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 4 });
const dependency = 'file:///x/node_modules/.pnpm/lru-cache@11/node_modules/lru-cache/dist/index.js';

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('decode', new URL('./a.ts', import.meta.url).href), children: [4, 5] },
    { id: 4, callFrame: frame('decode', new URL('./a.ts', import.meta.url).href) },
    { id: 5, callFrame: frame('get', dependency) },
  ],
  samples: [3, 2, 2, 4, 5, 3],
  timeDeltas: [30, 1000, 1000, 30, 20, 20],
};

test('the beginning and idle time are left out, recursion counts once', () => {
  const { modules, functions, inclusive } = sumUp(profile);
  assert.deepEqual(
    modules.map(({ what, share }) => [what, Math.round(share * 100)]),
    [
      ['bench/src/a.ts', 71],
      ['lru-cache', 29],
    ],
  );
  assert.deepEqual(
    functions.map(({ what }) => what),
    ['decode  bench/src/a.ts:5', 'get  lru-cache:5'],
  );
  assert.deepEqual(inclusive, [{ what: 'decode  bench/src/a.ts:5', share: 1 }]);
});
