import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { systemClock } from '@millrace/runtime';
import { type Bench, startBench, until } from '../../test/auth.ts';
import { openPeople, type People } from '../../test/people.ts';
import { indexUsers, userKey } from '../store/user-record.ts';
import { findOrCreateUser } from './verify-code.ts';

let bench: Bench;
let replicas: readonly People[];

before(async () => {
  bench = await startBench();
  replicas = await Promise.all([1, 2, 3].map(() => openPeople(bench)));
});
after(() => bench.close());

test('replicas that meet a newcomer at the same moment agree on one user, whom all find by their id', async () => {
  for (let newcomer = 0; newcomer < 10; newcomer++) {
    const email = `newcomer-${newcomer}@example.com`;
    const indexes = replicas.map(({ store }) => indexUsers(store.users));
    const found = await Promise.all(
      replicas.map(({ store }) => {
        const settings = { defaultWorkspaceId: 'default', ownerEmail: undefined, newId: randomUUID };
        return findOrCreateUser({ store, clock: systemClock, ...settings }, email);
      }),
    );
    const [user] = found;
    assert.ok(user);
    assert.deepEqual(found, [user, user, user]);
    for (const [at, index] of indexes.entries()) {
      await until(() => index.byId(user.id) !== undefined);
      assert.deepEqual(index.byId(user.id), user, `replica ${at}`);
    }
    assert.deepEqual((await replicas[0]?.store.users.read(userKey(email)))?.value, user);
  }
});
