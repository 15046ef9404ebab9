import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextValues, createHandlerContext } from '@connectrpc/connect';
import { eventually } from '@millrace/testkit';
import { limitsForTests } from '../../test/limits.ts';
import { type RpcBench, startRpcBench } from '../../test/rpc-harness.ts';
import { CALLERS, callers } from '../../test/workspace-callers.ts';
import { createGate, RPC_ACCESS } from './gate.ts';

const nameOf = (method: DescMethod) => `${method.parent.typeName}/${method.name}`;

let bench: RpcBench;
before(async () => {
  bench = await startRpcBench({ credentials: callers });
});
after(() => bench.close());

describe('the table of who may call what', () => {
  test('has a rule for every method that is served, and for no other', () => {
    assert.deepEqual(bench.methods.map(nameOf).sort(), [...RPC_ACCESS.keys()].map(nameOf).sort());
    for (const [method, access] of RPC_ACCESS) assert.ok(access !== undefined, nameOf(method));
  });

  test('only health and reflection are public', () => {
    const open = [...RPC_ACCESS].filter(([, access]) => access === 'public').map(([method]) => method.parent);
    assert.deepEqual(
      [...new Set(open.map(({ typeName }) => typeName))],
      [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
      ],
    );
  });
});

describe('the gate', () => {
  const MAY: Readonly<Record<string, readonly (keyof typeof CALLERS)[]>> = {
    Ingest: ['owner', 'key'],
    CreateWorkspace: ['owner', 'viewer'],
    ListWorkspaces: ['owner', 'viewer', 'manager', 'key'],
    GetWorkspace: ['owner', 'viewer', 'manager', 'key'],
    UpdateWorkspace: ['owner', 'manager'],
    CreateWorkspaceSession: ['owner', 'viewer'],
    ListMembers: ['owner', 'viewer', 'manager'],
    InviteMember: ['owner', 'manager'],
    RevokeInvitation: ['owner', 'manager'],
    UpdateMember: ['owner', 'manager'],
    RemoveMember: ['owner', 'viewer', 'manager', 'key'],
    DeleteWorkspace: ['owner'],
    ListWorkspaceDeletions: ['owner', 'viewer'],
    GetWorkspaceDeletion: ['owner', 'viewer'],
    Query: ['owner', 'viewer'],
    ListEvents: ['owner', 'viewer'],
    GetEvent: ['owner', 'viewer'],
    GetReceipt: ['owner', 'viewer'],
    ListFieldNames: ['owner', 'viewer'],
    ListFieldValues: ['owner', 'viewer'],
    ListProperties: ['owner', 'viewer'],
    PutProperty: ['owner'],
    DeleteProperty: ['owner'],
    ListDeadLetters: ['owner', 'viewer'],
    GetDeadLetter: ['owner', 'viewer'],
    ReplayDeadLetter: ['owner', 'key'],
    EditDeadLetter: ['owner', 'key'],
    DiscardDeadLetter: ['owner', 'key'],
    ReplayDeadLetters: ['owner', 'key'],
    DiscardDeadLetters: ['owner', 'key'],
    CreateDeletion: ['owner', 'manager'],
    GetDeletion: ['owner', 'manager'],
    ListDeletions: ['owner', 'manager'],
    GetRetention: ['owner', 'viewer', 'manager'],
    PutRetention: ['owner', 'manager'],
    CreateEndpoint: ['owner'],
    ListEndpoints: ['owner'],
    GetEndpoint: ['owner'],
    UpdateEndpoint: ['owner'],
    DeleteEndpoint: ['owner'],
    RotateEndpointSecret: ['owner'],
    TestEndpoint: ['owner'],
    ListDeliveries: ['owner'],
    GetDelivery: ['owner'],
    ResendDelivery: ['owner'],
    StartReplay: ['owner'],
    ListReplays: ['owner'],
    CancelReplay: ['owner'],
  };
  for (const [method, access] of RPC_ACCESS) {
    if (access === 'public' || method.methodKind !== 'unary') continue;
    test(`${nameOf(method)}: lets in whom its rule lets in, by either header`, async () => {
      const may = MAY[method.name];
      assert.ok(may, 'the test knows the method');
      for (const [name, secret] of Object.entries(CALLERS)) {
        const isKey = name === 'manager' || name === 'key';
        const refused: Code =
          access.caller === 'person' && isKey ? Code.Unauthenticated : Code.PermissionDenied;
        const expected: Code | undefined = may.some((allowed) => allowed === name) ? undefined : refused;
        assert.equal(await pass(method, { authorization: `Bearer ${secret}` }), expected, name);
        assert.equal(await pass(method, { 'x-api-key': secret }), expected, name);
      }
      assert.equal(await pass(method, {}), Code.Unauthenticated);
      assert.equal(await pass(method, { authorization: 'Basic eDp5' }), Code.Unauthenticated);
      assert.equal(await pass(method, { 'x-api-key': 'nobody' }), Code.Unauthenticated);
    });
  }

  test('a method without a rule is closed, even to an owner', async () => {
    const [method] = RPC_ACCESS.keys();
    assert.ok(method);
    const open = { authorization: `Bearer ${CALLERS.owner}` };
    assert.equal(await pass(method, open), undefined);
    assert.equal(await pass(method, open, new Map()), Code.PermissionDenied);
  });

  test('a refusal is counted, and comes before the message is read', async () => {
    for (const [secret, status, code] of [
      [CALLERS.viewer, 403, 'PERMISSION_DENIED'],
      ['nobody', 401, 'UNAUTHENTICATED'],
    ] as const) {
      const answer = await fetch(`${bench.url}/millrace.api.v1.WorkspaceService/UpdateMember`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: 'this is no JSON',
      });
      assert.equal(answer.status, status, await answer.text());
      // The call is counted when its connection is done with it.
      await eventually(() =>
        assert.equal(bench.calls.at(-1), `millrace.api.v1.WorkspaceService UpdateMember ${code}`),
      );
    }
  });
});

/** What the gate says of a call: undefined, or the code that it is refused with. */
async function pass(
  method: DescMethod,
  headers: Record<string, string>,
  access?: typeof RPC_ACCESS,
): Promise<Code | undefined> {
  const gate = createGate({ credentials: callers, limits: limitsForTests() }, access);
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: 'connect',
    requestMethod: 'POST',
    url: 'http://localhost/',
    requestHeader: headers,
    contextValues: createContextValues(),
  });
  try {
    await gate(context);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ConnectError);
    return error.code;
  }
}
