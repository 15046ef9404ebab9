import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Role, WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { eventually, onEachTopology, signIn, untilPushed } from '@millrace/testkit';
import { assertJson, memberOf, textAt, UUID_V7 } from './support/assert-answer.ts';
import { assertProblem } from './support/error-shapes.ts';
import { caller, join, newPerson, newWorkspace, sessionIn } from './support/people.ts';
import { storedEvent } from './support/stored-events.ts';

/** Within this a change holds everywhere. */

onEachTopology(
  'native: workspaces',
  (stack) => {
    const as = (secret: string) => caller(stack(), secret);
    const person = () => newPerson(stack());
    const rpc = () =>
      createClient(WorkspaceService, createGrpcTransport({ baseUrl: stack().connection.url }));
    const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });
    const sendEvent = (secret: string) =>
      as(secret)('POST /v1/ingest', [{ id: randomUUID(), type: 'shared' }]);
    const namesOf = async (secret: string) => {
      const listed = (await as(secret)('GET /v1/workspaces')).json();
      const workspaces = memberOf(listed, 'workspaces');
      assert.ok(Array.isArray(workspaces));
      return new Map(workspaces.map((one) => [memberOf(one, 'id'), memberOf(one, 'role')]));
    };

    test('whoever signs in has a workspace; they make another and act in it', async () => {
      const owner = await person();
      const [home] = (await namesOf(owner.token)).keys();
      const made = await as(owner.token)('POST /v1/workspaces', { name: 'Acme' });
      const id = textAt(made.json(), 'id');
      assert.match(id, UUID_V7);
      const createdAt = textAt(made.json(), 'createdAt');
      assertJson(made, 201, { id, name: 'Acme', role: 'owner', createdAt, rateLimit: null });
      await eventually(async () => {
        assert.deepEqual(
          [...(await namesOf(owner.token))],
          [
            [home, 'owner'],
            [id, 'owner'],
          ],
        );
      });

      const session = await sessionIn(stack(), owner, id);
      const read = await as(session)(`GET /v1/workspaces/${id}`);
      assertJson(read, 200, { id, name: 'Acme', role: 'owner', createdAt, rateLimit: null });
      const eventId = randomUUID();
      const sent = await as(session)('POST /v1/ingest', [{ id: eventId, type: 'shared' }]);
      assert.equal(sent.status, 202, sent.text);
      assert.equal((await storedEvent(stack(), { workspaceId: id, eventId })).workspaceId, id);
    });

    test('somebody who is invited joins by signing in, and is listed', async () => {
      const [owner, guest] = await Promise.all([person(), person()]);
      const workspace = await newWorkspace(stack(), owner, 'Wheels & Co');
      const path = `/v1/workspaces/${workspace.id}`;
      const mails = stack().mail.mails.filter(({ to }) => to === guest.email).length;
      const body = { email: guest.email.toUpperCase(), role: 'member' };
      const invited = await as(workspace.session)(`POST ${path}/invitations`, body);
      const { createdAt, expiresAt, id: invitationId } = Object(invited.json());
      const invitation = { id: invitationId, email: guest.email, role: 'member', createdAt, expiresAt };
      assertJson(invited, 201, invitation);
      assert.ok(Date.parse(expiresAt) > Date.parse(createdAt));
      assert.match((await stack().mail.waitFor(guest.email, mails)).text, /Wheels & Co/);

      const members = (await as(workspace.session)(`GET ${path}/members`)).json();
      assert.deepEqual(memberOf(members, 'invitations'), [invitation]);
      assert.equal(memberOf(members, 'members', 'length'), 1);
      assertProblem(await as(guest.token)(`POST ${path}/session`), 404);

      const again = await signIn(stack().connection.url, stack().mail, guest.email);
      assert.equal((await namesOf(again.token)).get(workspace.id), 'member');
      const after = (await as(await sessionIn(stack(), again, workspace.id))(`GET ${path}/members`)).json();
      assert.deepEqual(memberOf(after, 'invitations'), []);
      const listed = memberOf(after, 'members');
      assert.ok(Array.isArray(listed));
      assert.deepEqual(
        listed.map(({ userId, email, role }) => ({ userId, email, role })),
        [
          { userId: owner.userId, email: owner.email, role: 'owner' },
          { userId: guest.userId, email: guest.email, role: 'member' },
        ],
      );
      assertProblem(await as(workspace.session)(`POST ${path}/invitations`, body), 409, 'member');
    });

    test('an invitation that was taken back makes nobody a member', async () => {
      const [owner, guest] = await Promise.all([person(), person()]);
      const workspace = await newWorkspace(stack(), owner);
      const path = `/v1/workspaces/${workspace.id}/invitations`;
      const mails = stack().mail.mails.filter(({ to }) => to === guest.email).length;
      const invited = await as(workspace.session)(`POST ${path}`, { email: guest.email, role: 'admin' });
      await stack().mail.waitFor(guest.email, mails);
      const revoke = `DELETE ${path}/${textAt(invited.json(), 'id')}`;
      const revoked = await as(workspace.session)(revoke);
      assert.deepEqual([revoked.status, revoked.text], [204, '']);
      assert.equal(revoked.headers['content-length'], undefined);
      assertProblem(await as(workspace.session)(revoke), 404);
      const again = await signIn(stack().connection.url, stack().mail, guest.email);
      assert.equal((await namesOf(again.token)).has(workspace.id), false);
    });

    test('a new role holds, and a removal ends every session in the workspace', async (t) => {
      const [owner, guest] = await Promise.all([person(), person()]);
      const workspace = await newWorkspace(stack(), owner);
      const session = await join(stack(), workspace, { person: guest, role: 'member' });
      assert.equal((await sendEvent(session)).status, 202);
      const path = `/v1/workspaces/${workspace.id}/members/${guest.userId}`;
      const demoted = await as(workspace.session)(`PATCH ${path}`, { role: 'viewer' });
      assert.equal(demoted.status, 200, demoted.text);
      assert.equal(memberOf(demoted.json(), 'role'), 'viewer');
      await untilPushed(t, 'demoted', async () =>
        assertProblem(await sendEvent(session), 403, 'events:write'),
      );
      assert.equal((await as(session)(`GET /v1/workspaces/${workspace.id}/members`)).status, 200);

      const promoted = await rpc().updateMember(
        { workspaceId: workspace.id, userId: guest.userId, role: Role.MEMBER },
        bearer(workspace.session),
      );
      assert.equal(promoted.member?.role, Role.MEMBER);
      await untilPushed(t, 'promoted', async () => assert.equal((await sendEvent(session)).status, 202));

      assertJson(await as(workspace.session)(`DELETE ${path}?revokeKeys=true`), 200, { revokedKeys: 0 });
      await untilPushed(t, 'removed', async () => assertProblem(await sendEvent(session), 401));
      // Elsewhere they are who they were.
      assert.equal((await as(guest.token)('GET /v1/workspaces')).status, 200);
      assertProblem(await as(guest.token)(`POST /v1/workspaces/${workspace.id}/session`), 404);
    });

    test('everybody may leave but the last owner; a viewer removes nobody else', async () => {
      const [owner, guest] = await Promise.all([person(), person()]);
      const workspace = await newWorkspace(stack(), owner);
      const session = await join(stack(), workspace, { person: guest, role: 'viewer' });
      const path = (userId: string) => `/v1/workspaces/${workspace.id}/members/${userId}`;
      assertProblem(await as(session)(`DELETE ${path(owner.userId)}`), 403, 'members:manage');
      assertProblem(await as(workspace.session)(`DELETE ${path(owner.userId)}`), 409, 'owner');
      assertProblem(
        await as(workspace.session)(`PATCH ${path(owner.userId)}`, { role: 'admin' }),
        409,
        'owner',
      );
      assert.equal((await as(session)(`DELETE ${path(guest.userId)}`)).status, 200);
      await eventually(async () =>
        assertProblem(await as(session)(`GET /v1/workspaces/${workspace.id}`), 401),
      );
    });

    test('an admin makes no owner and touches none', async () => {
      const [owner, guest] = await Promise.all([person(), person()]);
      const workspace = await newWorkspace(stack(), owner);
      const session = await join(stack(), workspace, { person: guest, role: 'admin' });
      const path = `/v1/workspaces/${workspace.id}`;
      const member = (userId: string) => `${path}/members/${userId}`;
      const invite = { email: `${randomUUID()}@example.com`, role: 'owner' };
      for (const refused of [
        await as(session)(`PATCH ${member(owner.userId)}`, { role: 'viewer' }),
        await as(session)(`PATCH ${member(guest.userId)}`, { role: 'owner' }),
        await as(session)(`DELETE ${member(owner.userId)}`),
        await as(session)(`POST ${path}/invitations`, invite),
      ]) {
        assertProblem(refused, 403, 'owner');
      }
      assert.equal((await as(session)(`PATCH ${path}`, { name: 'By an admin' })).status, 200);
    });

    test('the name and the limit are set and taken back', async () => {
      const workspace = await newWorkspace(stack(), await person());
      const path = `/v1/workspaces/${workspace.id}`;
      const rateLimit = { requestsPerMinute: 6_000, burst: 500 };
      const limited = await as(workspace.session)(`PATCH ${path}`, { name: 'New', rateLimit });
      assert.deepEqual(
        [memberOf(limited.json(), 'name'), memberOf(limited.json(), 'rateLimit')],
        ['New', rateLimit],
      );
      await eventually(async () => {
        const { headers } = await as(workspace.session)(`GET ${path}`);
        assert.ok(headers['ratelimit'] !== undefined, 'the limit is not told yet');
      });
      for (const body of [{ rateLimit: null }, { rateLimit: { requestsPerMinute: 0 } }]) {
        const freed = await as(workspace.session)(`PATCH ${path}`, body);
        assert.equal(freed.status, 200, freed.text);
        assert.deepEqual(memberOf(freed.json(), 'rateLimit'), null);
      }
      assertProblem(await as(workspace.session)(`PATCH ${path}`, { owner: 'me' }), 400, 'owner');
      assertProblem(await as(workspace.session)(`PATCH ${path}`, { name: ' ' }), 400, 'name');
      const steep = { rateLimit: { requestsPerMinute: 10, burst: 11 } };
      assertProblem(await as(workspace.session)(`PATCH ${path}`, steep), 400, 'burst');
    });

    test('a key sees its own workspace, without a role, and makes none', async () => {
      const { workspaceId, credentials } = stack().connection;
      const listed = await as(credentials.apiKey)('GET /v1/workspaces');
      assert.equal(memberOf(listed.json(), 'workspaces', 'length'), 1);
      assert.equal(memberOf(listed.json(), 'workspaces', 0, 'id'), workspaceId);
      assert.equal(memberOf(listed.json(), 'workspaces', 0, 'role'), null);
      assertProblem(await as(credentials.apiKey)('POST /v1/workspaces', { name: 'x' }), 401);
      assertProblem(await as(credentials.apiKey)(`POST /v1/workspaces/${workspaceId}/session`), 401);
    });
  },
  { mail: true },
);
