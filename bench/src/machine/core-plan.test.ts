import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCoreList, planCores } from './core-plan.ts';

test('with four cores each part has its own, ClickHouse all that are left', () => {
  const plan = { server: '0', nats: '1', load: '2', clickHouse: '3', notes: [] };
  assert.deepEqual(planCores([0, 1, 2, 3], true), plan);
  assert.equal(planCores([0, 1, 2, 3, 4, 5], true).clickHouse, '3,4,5');
});

test('with fewer cores the server keeps its own, and what shares one is said', () => {
  const three = planCores([4, 5, 6], true);
  assert.deepEqual([three.server, three.nats, three.load, three.clickHouse], ['4', '5', '6', '6']);
  const two = planCores([0, 1], true);
  assert.deepEqual([two.server, two.nats, two.load, two.clickHouse], ['0', '1', '1', '1']);
  for (const plan of [three, two, planCores([0], true)]) assert.equal(plan.notes.length, 1);
});

test('without taskset nothing is pinned, and that is said', () => {
  const plan = planCores([0, 1, 2, 3], false);
  assert.deepEqual([plan.server, plan.nats, plan.load, plan.clickHouse], Array(4).fill(undefined));
  assert.match(plan.notes.join(), /taskset is missing/);
});

test('core lists are read', () => {
  assert.deepEqual(parseCoreList('0-2,5'), [0, 1, 2, 5]);
});
