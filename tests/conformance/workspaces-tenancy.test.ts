import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { Role, WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { onEachTopology } from '@millrace/testkit';
import { assertJson, memberOf } from './support/assert-answer.ts';
import { assertProblem } from './support/error-shapes.ts';
import { caller, newPerson, newWorkspace } from './support/people.ts';

onEachTopology(
  'native: workspaces, by REST and by RPC',
  (stack) => {
    const as = (secret: string) => caller(stack(), secret);
    const person = () => newPerson(stack());
    const transports = {
      gRPC: () => createGrpcTransport({ baseUrl: stack().connection.url }),
      Connect: () => createConnectTransport({ baseUrl: stack().connection.url, httpVersion: '1.1' }),
    };
    const rpc = (transport: keyof typeof transports = 'gRPC') =>
      createClient(WorkspaceService, transports[transport]());
    const restIds = async (secret: string) => {
      const workspaces = memberOf((await as(secret)('GET /v1/workspaces')).json(), 'workspaces');
      assert.ok(Array.isArray(workspaces));
      return workspaces.map(({ id }) => id);
    };
    const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });

    test('nothing is reachable across workspaces: 404 and NOT_FOUND, the same for one that is there and one that is not', async () => {
      const [owner, stranger] = await Promise.all([person(), person()]);
      const workspace = await newWorkspace(stack(), owner);
      // A member’s session of another workspace is a stranger here, too.
      for (const secret of [stranger.token, owner.token]) {
        const answers = async (id: string) => {
          const path = `/v1/workspaces/${id}`;
          const role = { role: 'viewer' };
          return Promise.all([
            as(secret)(`GET ${path}`),
            as(secret)(`PATCH ${path}`, { name: 'Mine' }),
            as(secret)(`GET ${path}/members`),
            as(secret)(`POST ${path}/invitations`, { email: stranger.email, ...role }),
            as(secret)(`DELETE ${path}/invitations/${randomUUID()}`),
            as(secret)(`PATCH ${path}/members/${owner.userId}`, role),
            as(secret)(`DELETE ${path}/members/${owner.userId}`),
          ]);
        };
        const [there, absent] = await Promise.all([answers(workspace.id), answers(randomUUID())]);
        for (const [index, answer] of there.entries()) {
          assertProblem(answer, 404);
          assert.equal(answer.text, absent[index]?.text);
        }
        for (const workspaceId of [workspace.id, randomUUID()]) {
          const target = { workspaceId, userId: owner.userId, role: Role.VIEWER };
          const calls = [
            () => rpc().getWorkspace({ workspaceId }, bearer(secret)),
            () => rpc().listMembers({ workspaceId }, bearer(secret)),
            () => rpc().updateMember(target, bearer(secret)),
            () => rpc().removeMember({ workspaceId, userId: owner.userId }, bearer(secret)),
          ];
          for (const call of calls) assert.equal(await codeOf(call()), Code.NotFound);
        }
      }
      assertProblem(await as(stranger.token)(`POST /v1/workspaces/${workspace.id}/session`), 404);
      assertProblem(await as(stranger.token)(`POST /v1/workspaces/${randomUUID()}/session`), 404);
      const members = (await as(workspace.session)(`GET /v1/workspaces/${workspace.id}/members`)).json();
      assert.equal(memberOf(members, 'members', 'length'), 1);
      assert.equal(memberOf(members, 'members', 0, 'role'), 'owner');
    });

    for (const transport of ['gRPC', 'Connect'] as const) {
      test(`${transport} and REST say the same`, async () => {
        const [owner, guest] = await Promise.all([person(), person()]);
        const created = await rpc(transport).createWorkspace({ name: 'Both' }, bearer(owner.token));
        const workspaceId = created.workspace?.id ?? assert.fail();
        const { token } = await rpc(transport).createWorkspaceSession({ workspaceId }, bearer(owner.token));
        await rpc(transport).inviteMember(
          { workspaceId, email: guest.email, role: Role.ADMIN },
          bearer(token),
        );
        const path = `/v1/workspaces/${workspaceId}`;

        const { workspace } = await rpc(transport).getWorkspace({ workspaceId }, bearer(token));
        assert.ok(workspace?.createdAt);
        const createdAt = timestampDate(workspace.createdAt).toISOString();
        const rest = { id: workspaceId, name: 'Both', role: 'owner', createdAt, rateLimit: null };
        assertJson(await as(token)(`GET ${path}`), 200, rest);
        assert.equal(workspace.role, Role.OWNER);

        const { members, invitations } = await rpc(transport).listMembers({ workspaceId }, bearer(token));
        const [member] = members;
        const [invitation] = invitations;
        assert.ok(member?.joinedAt && invitation?.createdAt && invitation.expiresAt);
        assert.deepEqual([member.role, invitation.role], [Role.OWNER, Role.ADMIN]);
        assertJson(await as(token)(`GET ${path}/members`), 200, {
          members: [
            {
              userId: owner.userId,
              email: owner.email,
              role: 'owner',
              joinedAt: timestampDate(member.joinedAt).toISOString(),
            },
          ],
          invitations: [
            {
              id: invitation.id,
              email: guest.email,
              role: 'admin',
              createdAt: timestampDate(invitation.createdAt).toISOString(),
              expiresAt: timestampDate(invitation.expiresAt).toISOString(),
            },
          ],
        });
        const { workspaces } = await rpc(transport).listWorkspaces({}, bearer(token));
        assert.deepEqual(
          workspaces.map(({ id }) => id),
          await restIds(token),
        );
        const alone = { workspaceId, userId: owner.userId };
        assert.equal(
          await codeOf(rpc(transport).removeMember(alone, bearer(token))),
          Code.FailedPrecondition,
        );
        const key = stack().connection.credentials.apiKey;
        const fromKey = rpc(transport).createWorkspace({ name: 'x' }, bearer(key));
        assert.equal(await codeOf(fromKey), Code.Unauthenticated);
        assert.equal(
          await codeOf(rpc(transport).updateWorkspace({ workspaceId, name: '' }, bearer(token))),
          Code.InvalidArgument,
        );
      });
    }
  },
  { mail: true },
);

async function codeOf(call: Promise<unknown>): Promise<Code> {
  return call.then(
    () => assert.fail('the call succeeded'),
    (error: unknown) => ConnectError.from(error).code,
  );
}
