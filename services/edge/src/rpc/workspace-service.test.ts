import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { timestampDate, timestampMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import { Role, WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { Role as AuthRole } from '@millrace/contracts/millrace/auth/v1/workspace';
import { type ErrorCode, fieldError, MillraceError } from '@millrace/runtime';
import { type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';
import {
  CALLERS,
  callers,
  HERE,
  MADE,
  ME,
  PESTERED,
  recordedAuth,
  SESSION_ENDS_MS,
} from '../../test/workspace-callers.ts';

const recorded = recordedAuth();
let bench: RpcBench;
before(async () => {
  bench = await startRpcBench({
    credentials: callers,
    auth: recorded.auth,
    clientAddress: () => '192.0.2.7',
  });
});
after(() => bench.close());
beforeEach(() => {
  recorded.asked.length = 0;
  recorded.failure = undefined;
});

const grpc = (name = 'gRPC over HTTP/2') =>
  createClient(WorkspaceService, transportsTo(bench.url)[name] ?? assert.fail());

const as = (secret: string) => ({
  headers: { authorization: `Bearer ${secret}`, 'x-request-id': 'request-7' },
});
const OWNER = as(CALLERS.owner);
const ACTOR = {
  $typeName: 'millrace.auth.v1.Actor',
  userId: ME,
  credentialId: `id-of-${CALLERS.owner}`,
  permissions: ['*'],
  ipAddress: '192.0.2.7',
  requestId: 'request-7',
};

/** What a client of a later version might send. */
const UNKNOWN_ROLE = 77 as Role;

/** What auth was asked, of which there must be one thing. */
function asked() {
  assert.equal(recorded.asked.length, 1);
  return recorded.asked[0]?.request ?? {};
}

async function codeOf(call: Promise<unknown>): Promise<Code> {
  return (await errorOf(call)).code;
}

function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(() => assert.fail('the call succeeded'), ConnectError.from);
}

for (const name of Object.keys(transportsTo('http://unused'))) {
  test(`${name}: a workspace, as its owner and as a key sees it`, async () => {
    const { workspace } = await grpc(name).getWorkspace({ workspaceId: HERE }, OWNER);
    assert.ok(workspace?.createdAt && workspace.rateLimit);
    const { id, role, createdAt, rateLimit } = workspace;
    assert.deepEqual([id, workspace.name, role], [HERE, 'Acme', Role.OWNER]);
    assert.equal(timestampDate(createdAt).toISOString(), MADE);
    assert.deepEqual([rateLimit.requestsPerMinute, rateLimit.burst], [60, 10]);
    assert.deepEqual(asked(), { workspaceId: HERE, userId: ME });
    const seen = await grpc(name).getWorkspace({ workspaceId: HERE }, as(CALLERS.key));
    assert.equal(seen.workspace?.role, Role.UNSPECIFIED);
  });
}

test('a person makes and lists workspaces; a key lists its own', async () => {
  const { workspace } = await grpc().createWorkspace({ name: 'Acme' }, OWNER);
  assert.deepEqual([workspace?.id, workspace?.rateLimit], [HERE, undefined]);
  assert.deepEqual(asked(), { name: 'Acme', actor: ACTOR });
  const ids = async (secret: string) =>
    (await grpc().listWorkspaces({}, as(secret))).workspaces.map(({ id }) => id);
  assert.deepEqual(await ids(CALLERS.viewer), [HERE, 'workspace-2']);
  assert.deepEqual(await ids(CALLERS.key), [HERE]);
});

test('a change has only what is to change', async () => {
  for (const change of [{}, { name: 'New' }, { rateLimit: { requestsPerMinute: 0, burst: 0 } }]) {
    recorded.asked.length = 0;
    const { workspace } = await grpc().updateWorkspace({ workspaceId: HERE, ...change }, OWNER);
    assert.equal(workspace?.id, HERE);
    const sent = JSON.parse(
      JSON.stringify(asked(), (key, value) => (key === '$typeName' ? undefined : value)),
    );
    const { $typeName, ...actor } = ACTOR;
    assert.deepEqual(sent, { workspaceId: HERE, actor, ...change });
  }
});

test('a session in another workspace lives no longer than the one that was presented', async () => {
  const session = await grpc().createWorkspaceSession({ workspaceId: 'workspace-2' }, OWNER);
  assert.equal(session.token, 'jwt');
  assert.equal(session.expiresAt && timestampDate(session.expiresAt).toISOString(), MADE);
  const { notAfter, ...rest } = asked();
  assert.deepEqual(rest, { userId: ME, workspaceId: 'workspace-2', actor: ACTOR });
  // The double is handed a protobuf timestamp.
  assert.equal(timestampMs(notAfter as Parameters<typeof timestampMs>[0]), SESSION_ENDS_MS);
});

test('members and invitations', async () => {
  const { members, invitations } = await grpc().listMembers({ workspaceId: HERE }, as(CALLERS.viewer));
  assert.deepEqual(
    members.map(({ userId, email, role }) => [userId, email, role]),
    [
      ['user-2', 'ada@example.com', Role.ADMIN],
      ['user-2', 'ada@example.com', Role.MEMBER],
    ],
  );
  assert.deepEqual(
    invitations.map(({ id, email, role }) => [id, email, role]),
    [['invitation-1', 'grace@example.com', Role.VIEWER]],
  );
});

test('every role passes both ways', async () => {
  for (const [published, internal] of [
    [Role.OWNER, AuthRole.OWNER],
    [Role.ADMIN, AuthRole.ADMIN],
    [Role.MEMBER, AuthRole.MEMBER],
    [Role.VIEWER, AuthRole.VIEWER],
  ] as const) {
    const invite = { workspaceId: HERE, email: 'grace@example.com', role: published };
    const { invitation } = await grpc().inviteMember(invite, as(CALLERS.manager));
    assert.equal(invitation?.role, published);
    const change = { workspaceId: HERE, userId: 'user-2', role: published };
    const { member } = await grpc().updateMember(change, OWNER);
    assert.equal(member?.role, published);
    const sent = recorded.asked.splice(0).map(({ request }) => request['role']);
    assert.deepEqual(sent, [internal, internal]);
  }
});

test('an invitation is taken back, a member is removed with their keys', async () => {
  await grpc().revokeInvitation({ workspaceId: HERE, invitationId: 'invitation-1' }, OWNER);
  assert.deepEqual(asked(), { workspaceId: HERE, invitationId: 'invitation-1', actor: ACTOR });
  recorded.asked.length = 0;
  const removal = { workspaceId: HERE, userId: 'user-2', revokeKeys: true };
  assert.equal((await grpc().removeMember(removal, OWNER)).revokedKeys, 2);
  assert.deepEqual(asked(), { ...removal, actor: ACTOR });
});

test('PERMISSION_DENIED: whoever may not manage members removes nobody but themselves', async () => {
  const leave = { workspaceId: HERE, userId: ME };
  assert.equal((await grpc().removeMember(leave, as(CALLERS.viewer))).revokedKeys, 2);
  recorded.asked.length = 0;
  const other = { workspaceId: HERE, userId: 'user-2' };
  assert.equal(await codeOf(grpc().removeMember(other, as(CALLERS.viewer))), Code.PermissionDenied);
  assert.equal(await codeOf(grpc().removeMember(leave, as(CALLERS.key))), Code.PermissionDenied);
  assert.equal(recorded.asked.length, 0);
});

test('NOT_FOUND: every workspace but the credential’s, without asking whether there is one', async () => {
  for (const workspaceId of ['workspace-2', 'no-such-workspace', `${HERE} `]) {
    const user = { workspaceId, userId: ME };
    const role = Role.VIEWER;
    const calls = [
      () => grpc().getWorkspace({ workspaceId }, OWNER),
      () => grpc().updateWorkspace({ workspaceId, name: 'x' }, OWNER),
      () => grpc().listMembers({ workspaceId }, OWNER),
      () => grpc().inviteMember({ workspaceId, email: 'g@example.com', role }, OWNER),
      () => grpc().revokeInvitation({ workspaceId, invitationId: 'invitation-1' }, OWNER),
      () => grpc().updateMember({ ...user, role }, OWNER),
      () => grpc().removeMember(user, OWNER),
    ];
    for (const call of calls) {
      const { code, rawMessage } = await errorOf(call());
      assert.equal(code, Code.NotFound);
      assert.equal(rawMessage, 'no such workspace, or your session acts in another one');
    }
  }
  assert.equal(recorded.asked.length, 0);
});

test('RESOURCE_EXHAUSTED: too many invitations, and when to come again', async () => {
  const invite = { workspaceId: HERE, email: PESTERED, role: Role.VIEWER };
  const { code, metadata } = await errorOf(grpc().inviteMember(invite, OWNER));
  assert.equal(code, Code.ResourceExhausted);
  assert.equal(metadata.get('retry-after'), '8640');
});

test('INVALID_ARGUMENT: names the field that is missing', async () => {
  const workspaceId = HERE;
  const role = Role.VIEWER;
  for (const [field, call] of [
    ['workspace_id', () => grpc().getWorkspace({}, OWNER)],
    ['workspace_id', () => grpc().createWorkspaceSession({}, OWNER)],
    ['invitation_id', () => grpc().revokeInvitation({ workspaceId }, OWNER)],
    ['user_id', () => grpc().updateMember({ workspaceId, role }, OWNER)],
    ['user_id', () => grpc().removeMember({ workspaceId }, OWNER)],
    ['role', () => grpc().updateMember({ workspaceId, userId: 'user-2' }, OWNER)],
    ['role', () => grpc().inviteMember({ workspaceId, email: 'g@example.com', role: UNKNOWN_ROLE }, OWNER)],
  ] as const) {
    const error = await errorOf(call());
    const { code, rawMessage } = error;
    assert.equal(code, Code.InvalidArgument);
    assert.ok(rawMessage.startsWith(`${field}: `), rawMessage);
    assert.deepEqual(fieldsOf(error), [field]);
  }
  assert.equal(recorded.asked.length, 0);
});

test('a field that auth finds wrong is named in the error details, over every protocol', async () => {
  recorded.failure = fieldError('name', 'must not be empty');
  for (const transport of Object.values(transportsTo(bench.url))) {
    const { updateWorkspace } = createClient(WorkspaceService, transport);
    const error = await errorOf(updateWorkspace({ workspaceId: HERE, name: 'x' }, OWNER));
    assert.deepEqual([error.code, error.rawMessage], [Code.InvalidArgument, 'name: must not be empty']);
    assert.deepEqual(
      error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations),
      [
        {
          $typeName: 'google.rpc.BadRequest.FieldViolation',
          field: 'name',
          description: 'must not be empty',
        },
      ],
    );
  }
});

test('a failure of auth keeps its code and message; of an unforeseen one nothing is told', async () => {
  const codes: readonly (readonly [ErrorCode, Code, string])[] = [
    ['invalid_argument', Code.InvalidArgument, 'name: must not be empty'],
    ['permission_denied', Code.PermissionDenied, 'the role owner is above that of the caller'],
    ['not_found', Code.NotFound, 'no such member'],
    ['already_exists', Code.AlreadyExists, 'is a member already'],
    ['failed_precondition', Code.FailedPrecondition, 'a workspace keeps an owner'],
    ['unavailable', Code.Unavailable, 'auth does not answer'],
    ['deadline_exceeded', Code.DeadlineExceeded, 'no answer in time'],
  ];
  for (const [code, expected, message] of codes) {
    recorded.failure = new MillraceError(code, message);
    const error = await errorOf(grpc().updateWorkspace({ workspaceId: HERE, name: 'x' }, OWNER));
    assert.deepEqual([error.code, error.rawMessage], [expected, message]);
  }
  recorded.failure = new MillraceError('internal', 'a secret detail');
  const error = await errorOf(grpc().getWorkspace({ workspaceId: HERE }, OWNER));
  assert.deepEqual([error.code, error.rawMessage], [Code.Internal, 'internal error']);
});

function fieldsOf(error: ConnectError): string[] {
  return error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field));
}
