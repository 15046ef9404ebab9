import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { DisabledReason } from '@millrace/contracts/millrace/api/v1/webhook';
import type { EndpointDisabledNoticeSchema } from '@millrace/contracts/millrace/auth/v1/workspace';
import { pickFreePort } from '@millrace/embedded';
import { type MailServer, startMailServer } from '@millrace/testkit';
import { type Bench, CALL, ENVIRONMENT, methodsOf, startAuth, startBench } from '../../test/auth.ts';
import { openPeople, outcomeOf, type People } from '../../test/people.ts';

const AT_MS = Date.parse('2026-03-02T10:00:00Z');
const DAY_MS = 24 * 60 * 60 * 1_000;
const NOTICE = {
  endpointId: 'endpoint-1',
  url: 'https://example.com/hook',
  reason: DisabledReason.FAILING,
  failingSince: timestampFromMs(AT_MS - 5 * DAY_MS),
  disabledAt: timestampFromMs(AT_MS),
};
let bench: Bench;
let people: People;
let mail: MailServer;

before(async () => {
  bench = await startBench();
  people = await openPeople(bench);
  mail = await startMailServer();
});
after(async () => {
  await mail?.stop();
  await bench?.close();
});

async function startNotifying(environment: Record<string, string> = { SMTP_URL: mail.url }) {
  const { auth, stop } = await startAuth(bench, { ...ENVIRONMENT, ...environment });
  const { workspaces } = methodsOf(auth);
  const notify = (
    workspaceId: string,
    over: MessageInitShape<typeof EndpointDisabledNoticeSchema> = {},
    id: string = randomUUID(),
  ) => {
    const notice = { case: 'endpointDisabled', value: { ...NOTICE, ...over } } as const;
    return workspaces.notifyOwners({ workspaceId, id, notice }, CALL);
  };
  return { workspaces, notify, stop };
}

async function workspaceOf(owners: number) {
  const ids = await Promise.all(
    Array.from({ length: owners }, () => people.addUser(`owner-${randomUUID()}`)),
  );
  const admin = await people.addUser(`admin-${randomUUID()}`);
  const members = ids.map(({ id }) => [id, 'owner'] as const);
  const workspaceId = await people.addWorkspace([...members, [admin.id, 'admin']]);
  return { workspaceId, owners: ids.map(({ email }) => email), admin: admin.email };
}

const mailsTo = (email: string) => mail.mails.filter(({ to }) => to === email);

test('every owner is mailed what happened and what to do, and nobody else; once, however often it is asked for', async () => {
  const { notify, stop } = await startNotifying();
  const { workspaceId, owners, admin } = await workspaceOf(2);
  const id = randomUUID();
  for (let i = 0; i < 2; i++) assert.equal((await notify(workspaceId, {}, id)).mailed, 2);
  for (const owner of owners) {
    const [received, ...others] = mailsTo(owner);
    assert.equal(others.length, 0);
    assert.equal(received?.subject, 'A webhook of the workspace Tested was disabled');
    for (const words of [
      'The endpoint endpoint-1 of "Tested" was disabled at 2026-03-02T10:00:00.000Z:',
      '  https://example.com/hook',
      'Nothing that was sent there has succeeded since 2026-02-25T10:00:00.000Z.',
      '  PATCH /webhooks/endpoint-1 {"isActive":true}',
    ])
      assert.ok(received?.text.split('\n').includes(words), `${words} in ${received?.text}`);
  }
  assert.equal(mailsTo(admin).length, 0);
  await notify(workspaceId, { reason: DisabledReason.GONE });
  assert.match(
    mailsTo(owners[0] ?? '')[1]?.text ?? '',
    /^It answered 410 Gone at 2026-03-02T10:00:00\.000Z/m,
  );
  await stop();
});

test('no answer while the mail server is away; asked again, whoever was not mailed is', async () => {
  const port = await pickFreePort();
  const { workspaceId, owners } = await workspaceOf(1);
  const { workspaces, stop } = await startNotifying({ SMTP_URL: `smtp://127.0.0.1:${port}` });
  const request = {
    ...{ workspaceId, id: randomUUID() },
    notice: { case: 'endpointDisabled', value: NOTICE } as const,
  };
  await assert.rejects(workspaces.notifyOwners(request, { timeoutMs: 500 }), { code: 'deadline_exceeded' });
  await stop();
  const again = await startNotifying();
  assert.equal((await again.workspaces.notifyOwners(request, CALL)).mailed, 1);
  assert.equal(mailsTo(owners[0] ?? '').length, 1);
  await again.stop();
});

test('without a mail server nobody is mailed, and there is nothing to try again', async () => {
  const { notify, stop } = await startNotifying({});
  const { workspaceId } = await workspaceOf(1);
  assert.equal((await notify(workspaceId)).mailed, 0);
  await stop();
});

test('an owner gets no more than 25 notices at once', async () => {
  const { notify, stop } = await startNotifying();
  const { workspaceId, owners } = await workspaceOf(1);
  const answers = [];
  for (let i = 0; i < 27; i++) answers.push((await notify(workspaceId)).mailed);
  assert.deepEqual(answers, [...Array(25).fill(1), 0, 0]);
  assert.equal(mailsTo(owners[0] ?? '').length, 25);
  await stop();
});

test('a notice that makes no sense is refused by field, and one of an unknown workspace is NOT_FOUND', async () => {
  const { notify, workspaces, stop } = await startNotifying();
  const { workspaceId, owners } = await workspaceOf(1);
  const refused = [
    notify(workspaceId, { endpointId: 'a\nb' }),
    notify(workspaceId, { url: '' }),
    notify(workspaceId, { url: 'https://example.com/\nYou have won' }),
    notify(workspaceId, { url: `https://example.com/${'a'.repeat(4_096)}` }),
    notify(workspaceId, { reason: DisabledReason.OWNER }),
    notify(workspaceId, {}, ''),
    notify(workspaceId, {}, 'i'.repeat(129)),
    workspaces.notifyOwners({ workspaceId, id: 'i', notice: { case: undefined } }, CALL),
  ];
  assert.deepEqual(await Promise.all(refused.map(outcomeOf)), Array(8).fill('invalid_argument'));
  assert.equal(await outcomeOf(notify(randomUUID())), 'not_found');
  assert.equal(mailsTo(owners[0] ?? '').length, 0);
  await stop();
});
