import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { createFixedClock, eventually, type MailServer, startMailServer } from '@millrace/testkit';
import { type Bench, CALL, ENVIRONMENT, startBench, WORKSPACE } from '../../test/auth.ts';
import { openPeople, type People } from '../../test/people.ts';
import { codeIn, openSignInBench, type Signer } from '../../test/sign-in.ts';

const ACTOR = { ipAddress: '192.0.2.1', requestId: 'r-1' };

let bench: Bench;
let mail: MailServer;
let people: People;
let signer: Signer;

before(async () => {
  bench = await startBench();
  mail = await startMailServer();
  bench.closeLater(() => mail.stop());
  people = await openPeople(bench);
  signer = await openSignInBench(bench, mail, { ...ENVIRONMENT, SMTP_URL: mail.url });
});
after(() => bench.close());

test('a newcomer asks for a code, gets it by mail, and with it a session in a workspace of their own', async () => {
  const requested = await signer.methods.requestCode({ email: ' Ada@Example.com', actor: ACTOR }, CALL);
  assert.equal(requested.retryAfterSeconds, 0);
  const { subject, text } = await mail.waitFor('ada@example.com');
  assert.match(subject, /sign-in code/);
  assert.match(text, /^\d{6}$/m);
  assert.match(text, /10 minutes/);
  assert.match(text, /If you did not ask for this, ignore it\./);
  const verified = await signer.methods.verifyCode(
    { email: 'ada@example.com', code: codeIn(text), actor: ACTOR },
    CALL,
  );
  assert.equal(verified.user?.email, 'ada@example.com');
  assert.notEqual(verified.workspaceId, WORKSPACE);
  const verdict = await signer.auth.verify(verified.token);
  assert.ok(verdict.kind === 'granted');
  assert.equal(verdict.userId, verified.user.id);
  assert.equal(verdict.workspaceId, verified.workspaceId);
  assert.deepEqual([...verdict.permissions], ['*']);
  assert.equal(verdict.expiresAtMs, verified.expiresAt && timestampMs(verified.expiresAt));
  const [entry] = (await people.entries(verified.workspaceId)).filter(
    ({ action }) => action === 'session.created',
  );
  assert.equal(entry?.outcome, 'succeeded');
  assert.equal(entry.actorUserId, verified.user.id);
  assert.deepEqual([entry.targetType, entry.targetId], ['session', verdict.credentialId]);
  assert.deepEqual([entry.ipAddress, entry.requestId], ['192.0.2.1', 'r-1']);
});

test('who signs in again is the same user in the same workspace, with another session', async () => {
  const first = await signer.signIn('bea@example.com');
  const second = await signer.signIn('BEA@example.com');
  assert.deepEqual([second.user?.id, second.workspaceId], [first.user?.id, first.workspaceId]);
  assert.notEqual(second.token, first.token);
});

test('a wrong, used, over-tried or missing code is one and the same answer', async () => {
  const refusal = { code: 'unauthenticated', message: 'the code is wrong, used, or too old' };
  const { workspaceId, code: used } = await signer.signIn('cid@example.com');
  await assert.rejects(signer.verify('cid@example.com', used), refusal, 'used');
  await assert.rejects(signer.verify('nobody@example.com', '123456'), refusal, 'an address without a code');
  const code = await signer.requestCode('cid@example.com');
  const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
  for (const guess of [wrong, '', '0', `${code}0`, ` ${code}`]) {
    await assert.rejects(signer.verify('cid@example.com', guess), refusal, guess);
  }
  await assert.rejects(signer.verify('cid@example.com', code), refusal, 'after five wrong ones');
  await eventually(async () => {
    const refused = (await people.entries(workspaceId)).filter(({ action }) => action === 'session.refused');
    assert.equal(refused.length, 5);
    assert.ok(refused.every(({ outcome, actorUserId }) => outcome === 'refused' && actorUserId === ''));
  });
});

test('of 10,000 parallel guesses five are looked at, even with the right one among them', async () => {
  const { workspaceId } = await signer.signIn('dan@example.com');
  const code = await signer.requestCode('dan@example.com');
  const guesses = Array.from({ length: 10_000 }, (_, n) => String(n).padStart(6, '0')).filter(
    (n) => n !== code,
  );
  const outcomes = await Promise.allSettled(
    guesses.map((guess) => signer.verifyInProcess('dan@example.com', guess)),
  );
  assert.ok(outcomes.every(({ status }) => status === 'rejected'));
  await assert.rejects(signer.verify('dan@example.com', code), { code: 'unauthenticated' });
  const refused = async () =>
    (await people.entries(workspaceId)).filter(({ action }) => action === 'session.refused').length;
  await eventually(async () => assert.equal(await refused(), 5));
});

test('of two who have the right code at once, one is signed in', async () => {
  const code = await signer.requestCode('eva@example.com');
  const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => signer.verify('eva@example.com', code)));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('a new code takes the place of the old one', async () => {
  const old = await signer.requestCode('fay@example.com');
  const code = await signer.requestCode('fay@example.com');
  if (old !== code) await assert.rejects(signer.verify('fay@example.com', old), { code: 'unauthenticated' });
  assert.equal((await signer.verify('fay@example.com', code)).user?.email, 'fay@example.com');
});

test('the answer to a request is the same for an unknown address and a user, and so is the fourth one', async () => {
  const beganAtMs = performance.now();
  await signer.signIn('gus@example.com');
  const answers = [];
  for (const email of ['gus@example.com', 'unknown@example.com', 'gus@example.com', 'unknown@example.com']) {
    answers.push((await signer.methods.requestCode({ email }, CALL)).retryAfterSeconds);
  }
  assert.deepEqual(answers, [0, 0, 0, 0]);
  await signer.methods.requestCode({ email: 'unknown@example.com' }, CALL);
  for (const email of ['gus@example.com', 'unknown@example.com']) {
    const { retryAfterSeconds } = await signer.methods.requestCode({ email }, CALL);
    const leastSeconds = Math.floor(900 - (performance.now() - beganAtMs) / 1_000);
    assert.ok(retryAfterSeconds >= leastSeconds && retryAfterSeconds <= 900, `${email} ${retryAfterSeconds}`);
  }
  await mail.waitFor('unknown@example.com', 2);
  assert.equal(mail.mails.filter(({ to }) => to === 'unknown@example.com').length, 3);
});

test('what is no address is refused, by name', async () => {
  for (const email of [
    '',
    'ada',
    'ada@',
    'a@b@c.de',
    'a@b.de,c@d.de',
    'a@b.de\r\nBcc: c@d.de',
    `${'a'.repeat(250)}@b.de`,
  ]) {
    await assert.rejects(signer.methods.requestCode({ email }, CALL), {
      code: 'invalid_argument',
      message: /^email: /,
    });
    await assert.rejects(signer.verify(email, '123456'), { code: 'invalid_argument', message: /^email: / });
  }
});

test('a code is too old after ten minutes, and a session after an hour', async () => {
  const clock = createFixedClock(Date.now());
  const own = await openSignInBench(bench, mail, { ...ENVIRONMENT, SMTP_URL: mail.url }, clock);
  const late = await own.requestCode('hal@example.com');
  clock.advance(10 * 60_000);
  await assert.rejects(own.verify('hal@example.com', late), { code: 'unauthenticated' });
  const { token } = await own.signIn('hal@example.com');
  assert.equal((await own.auth.verify(token)).kind, 'granted');
  clock.advance(60 * 60_000);
  assert.deepEqual(await own.auth.verify(token), { kind: 'refused', refusal: Refusal.EXPIRED });
});

test('two first sign-ins at once on two replicas make one user and one workspace', async () => {
  const other = await openSignInBench(bench, mail, { ...ENVIRONMENT, SMTP_URL: mail.url });
  for (const name of ['nia', 'oda', 'pia']) {
    const email = `${name}@example.com`;
    const codes = [await signer.requestCode(email), await other.requestCode(email)];
    const [one, two] = await Promise.all([
      signer.verify(email, codes[0] ?? ''),
      other.verify(email, codes[1] ?? ''),
    ]);
    assert.equal(one.user?.id, two.user?.id);
    assert.equal(one.workspaceId, two.workspaceId);
    const owned = [...people.store.workspaces.entries()].filter(([, { value }]) =>
      value.members.some(({ userId }) => userId === one.user?.id),
    );
    assert.equal(owned.length, 1);
    for (const { token } of [one, two]) {
      for (const { auth } of [signer, other]) assert.equal((await auth.verify(token)).kind, 'granted');
    }
  }
});
