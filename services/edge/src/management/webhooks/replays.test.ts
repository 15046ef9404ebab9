import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ReplayStatus } from '@millrace/contracts/millrace/api/v1/webhook';
import { MillraceError } from '@millrace/runtime';
import { ENDPOINT_ID, having, MADE, REPLAY_ID, replay, send } from '../../../test/endpoints.ts';

const SHOWN_REPLAY = {
  id: REPLAY_ID,
  endpointId: ENDPOINT_ID,
  since: MADE,
  failedOnly: true,
  status: 'running',
  attempted: 120,
  failed: 3,
  progress: 0.25,
  createdAt: MADE,
  finishedAt: null,
};

describe('replays', () => {
  test('202: what failed since a time, or everything', async () => {
    for (const [route, failedOnly] of [
      ['POST /webhooks/:id/recover', true],
      ['POST /webhooks/:id/replay', false],
    ] as const) {
      const asked: unknown[] = [];
      const webhooks = {
        ...having(),
        async startReplay({ request }: StartAsked) {
          asked.push([
            request?.endpointId,
            request?.failedOnly,
            request?.since && timestampMs(request.since),
          ]);
          return { response: { replay: replay({ failedOnly }) } };
        },
      };
      const answer = await send({ webhooks }, route, { body: { since: '2024-01-01T01:00:00+01:00' } });
      assert.deepEqual([answer.status, answer.body], [202, { ...SHOWN_REPLAY, failedOnly }]);
      assert.deepEqual(asked, [[ENDPOINT_ID, failedOnly, Date.UTC(2024, 0, 1)]]);
    }
  });

  test('400: since is a time; 409: as many run as may', async () => {
    for (const [body, message] of [
      [{}, 'since is required'],
      [{ since: 1 }, 'since: Expected string, received number'],
      [{ since: '2024-01-01T00:00:00Z', until: 1 }, 'until: Unknown field'],
    ] as const) {
      const answer = await send({ webhooks: having() }, 'POST /webhooks/:id/replay', { body });
      assert.deepEqual([answer.status, Object(answer.body).message], [400, [message]]);
    }
    const startReplay = () => {
      throw new MillraceError('resource_exhausted', 'a replay of the endpoint is under way');
    };
    const body = { since: '2024-01-01T00:00:00Z' };
    const { status, body: said } = await send(
      { webhooks: { ...having(), startReplay } },
      'POST /webhooks/:id/replay',
      { body },
    );
    assert.deepEqual([status, Object(said).message], [409, 'a replay of the endpoint is under way']);
  });

  test('200: those of an endpoint, and one that is canceled', async () => {
    const listReplays = async () => ({ response: { replays: [replay()] } });
    const listed = await send({ webhooks: { ...having(), listReplays } }, 'GET /webhooks/:id/replays');
    assert.deepEqual(listed.body, [SHOWN_REPLAY]);
    const cancelReplay = async ({ request }: { request?: { id: string } | undefined }) => ({
      response: { replay: replay({ id: request?.id ?? '', status: ReplayStatus.CANCELED }) },
    });
    const ended = await send({ webhooks: { cancelReplay } }, 'DELETE /webhooks/replays/:id', {
      id: REPLAY_ID,
    });
    assert.deepEqual([ended.status, ended.body], [200, { ...SHOWN_REPLAY, status: 'canceled' }]);
    const none = await send({}, 'DELETE /webhooks/replays/:id', { id: 'none' });
    assert.deepEqual([none.status, Object(none.body).message], [404, 'no such replay']);
  });
});

interface StartAsked {
  readonly request?:
    | { endpointId: string; failedOnly: boolean; since?: Parameters<typeof timestampMs>[0] | undefined }
    | undefined;
}
