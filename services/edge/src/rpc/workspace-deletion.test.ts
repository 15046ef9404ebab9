import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import { Code, createClient } from '@connectrpc/connect';
import { WorkspaceDeletionStatus, WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import { type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';
import { CALLERS, callers, HERE, MADE, ME, recordedAuth } from '../../test/workspace-callers.ts';

const recorded = recordedAuth();
let bench: RpcBench;
before(async () => {
  bench = await startRpcBench({ credentials: callers, auth: recorded.auth });
});
after(() => bench.close());
beforeEach(() => {
  recorded.asked.length = 0;
});

const as = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });

for (const name of Object.keys(transportsTo('http://unused'))) {
  const client = () => createClient(WorkspaceService, transportsTo(bench.url)[name] ?? assert.fail());

  test(`${name}: an owner deletes a workspace, and watches it from wherever they are`, async () => {
    const request = { workspaceId: HERE, name: 'Acme' };
    const { deletion } = await client().deleteWorkspace(request, as(CALLERS.owner));
    assert.deepEqual([deletion?.id, deletion?.workspaceId], ['deletion-1', HERE]);
    assert.equal(deletion?.finishedAt, undefined);
    const { deletions } = await client().listWorkspaceDeletions({}, as(CALLERS.viewer));
    assert.deepEqual(
      deletions.map(({ id, status }) => [id, status]),
      [
        ['deletion-2', WorkspaceDeletionStatus.DONE],
        ['deletion-1', WorkspaceDeletionStatus.UNSPECIFIED],
      ],
    );
    const one = await client().getWorkspaceDeletion({ id: 'deletion-2' }, as(CALLERS.viewer));
    const { finishedAt } = one.deletion ?? {};
    assert.equal(finishedAt && timestampDate(finishedAt).toISOString(), MADE);
    assert.deepEqual(
      recorded.asked.map(({ method, request: { actor, ...rest } }) => [method, rest]),
      [
        ['deleteWorkspace', request],
        ['listWorkspaceDeletions', { userId: ME }],
        ['getWorkspaceDeletion', { userId: ME, id: 'deletion-2' }],
      ],
    );
  });

  test(`${name}: without a name, of another workspace or by somebody else nothing is asked`, async () => {
    const request = { workspaceId: HERE, name: 'Acme' };
    for (const [change, secret, code] of [
      [{ name: '' }, CALLERS.owner, Code.InvalidArgument],
      [{ workspaceId: 'workspace-2' }, CALLERS.owner, Code.NotFound],
      [{}, CALLERS.viewer, Code.PermissionDenied],
      [{}, CALLERS.manager, Code.Unauthenticated],
    ] as const) {
      await assert.rejects(client().deleteWorkspace({ ...request, ...change }, as(secret)), { code });
    }
    await assert.rejects(client().getWorkspaceDeletion({ id: '' }, as(CALLERS.owner)), {
      code: Code.InvalidArgument,
    });
    assert.deepEqual(recorded.asked, []);
  });
}
