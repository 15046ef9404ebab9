import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { ActorSchema } from '@millrace/contracts/millrace/auth/v1/actor';
import { createLocalQuotas } from '@millrace/stores';
import { createInvitationQuota } from './invite-member.ts';

const HOUR_MS = 60 * 60 * 1000;

function bench() {
  const state = { nowMs: 0 };
  const clock = { now: () => state.nowMs, monotonic: () => state.nowMs };
  return { state, take: createInvitationQuota(createLocalQuotas({ clock })) };
}

test('one address gets five mails, whoever writes, and then one every few hours', async () => {
  const { state, take } = bench();
  const writer = (userId: string) => create(ActorSchema, { userId });
  for (let i = 0; i < 5; i++) assert.equal(await take(writer(`user ${i}`), 'ada@example.com'), 0);
  const waitSeconds = await take(writer('another'), 'ada@example.com');
  assert.ok(waitSeconds > 0 && waitSeconds <= 3 * 3600, `${waitSeconds}`);
  assert.equal(await take(writer('another'), 'grace@example.com'), 0);
  state.nowMs += 3 * HOUR_MS;
  assert.equal(await take(writer('another'), 'ada@example.com'), 0);
});

test('one inviter, a person or a key, sends a hundred at once and two hundred a day', async () => {
  for (const inviter of [
    { userId: 'u', credentialId: 's' },
    { userId: '', credentialId: 'key' },
  ]) {
    const { state, take } = bench();
    let sent = 0;
    const sendAll = async () => {
      for (let i = 0; i < 300; i++) {
        if ((await take(create(ActorSchema, inviter), `${sent}@example.com`)) === 0) sent++;
      }
    };
    await sendAll();
    assert.equal(sent, 100);
    state.nowMs += 12 * HOUR_MS;
    await sendAll();
    assert.equal(sent, 200);
  }
});
