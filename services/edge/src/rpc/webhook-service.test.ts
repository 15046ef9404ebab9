import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import { WebhookService } from '@millrace/contracts/millrace/api/v1/webhook';
import { fieldError, MillraceError } from '@millrace/runtime';
import { DELIVERY_ID, delivery, ENDPOINT_ID, endpoint, REPLAY_ID, replay } from '../../test/endpoints.ts';
import { type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';
import { deliveriesDouble, webhookDouble } from '../../test/webhooks.ts';
import { CALLERS, callers, HERE, ME } from '../../test/workspace-callers.ts';

/** What was asked: the method, the workspace, who asks, and the request. */
const asked: {
  method: string;
  workspaceId: string | undefined;
  userId?: string | undefined;
  request: object;
}[] = [];
let failure: Error | undefined;

const answering =
  <Response extends object>(method: string, response: Response) =>
  async ({ caller, request }: Asked) => {
    asked.push({
      method,
      workspaceId: caller?.workspaceId,
      userId: caller?.actor?.userId,
      request: fieldsOf(request),
    });
    if (failure !== undefined) throw failure;
    return { response };
  };

interface Asked {
  readonly caller?: { workspaceId: string; actor?: { userId: string } | undefined } | undefined;
  readonly request?: object | undefined;
}

let bench: RpcBench;
before(async () => {
  bench = await startRpcBench({
    credentials: callers,
    webhooks: webhookDouble({
      createEndpoint: answering('createEndpoint', { endpoint: endpoint(), secret: 'whsec_c2VjcmV0' }),
      listEndpoints: answering('listEndpoints', { endpoints: [endpoint()], nextPageToken: 'next' }),
      getEndpoint: answering('getEndpoint', { endpoint: endpoint() }),
      updateEndpoint: answering('updateEndpoint', { endpoint: endpoint() }),
      deleteEndpoint: answering('deleteEndpoint', {}),
      rotateEndpointSecret: answering('rotateEndpointSecret', { secret: 'whsec_bmV3' }),
      testEndpoint: answering('testEndpoint', { delivery: delivery() }),
      resendDelivery: answering('resendDelivery', { delivery: delivery() }),
      startReplay: answering('startReplay', { replay: replay() }),
      listReplays: answering('listReplays', { replays: [replay()] }),
      cancelReplay: answering('cancelReplay', { replay: replay() }),
    }),
    deliveries: deliveriesDouble({
      async listDeliveries({ workspaceId, request }) {
        asked.push({ method: 'listDeliveries', workspaceId, request: fieldsOf(request) });
        return { response: { deliveries: [delivery({ attempts: [] })], nextPageToken: '' } };
      },
      async getDelivery({ workspaceId, id }) {
        asked.push({ method: 'getDelivery', workspaceId, request: { id } });
        return { delivery: delivery() };
      },
    }),
  });
});
after(() => bench.close());
beforeEach(() => {
  asked.length = 0;
  failure = undefined;
});

const OWNER = { headers: { authorization: `Bearer ${CALLERS.owner}` } };
const since = timestampFromMs(Date.UTC(2024, 0, 1));
const target = { case: 'http', value: { url: 'https://example.com' } } as const;

type Client = ReturnType<typeof createClient<typeof WebhookService>>;
const CALLS: Readonly<Record<keyof (typeof WebhookService)['method'], (client: Client) => Promise<object>>> =
  {
    createEndpoint: (client) => client.createEndpoint({ endpoint: { target, events: ['*'] } }, OWNER),
    listEndpoints: (client) => client.listEndpoints({ pageSize: 3, pageToken: 'this' }, OWNER),
    getEndpoint: (client) => client.getEndpoint({ id: ENDPOINT_ID }, OWNER),
    updateEndpoint: (client) =>
      client.updateEndpoint({ endpoint: { id: ENDPOINT_ID, active: false }, fields: ['active'] }, OWNER),
    deleteEndpoint: (client) => client.deleteEndpoint({ id: ENDPOINT_ID }, OWNER),
    rotateEndpointSecret: (client) => client.rotateEndpointSecret({ id: ENDPOINT_ID }, OWNER),
    testEndpoint: (client) => client.testEndpoint({ id: ENDPOINT_ID }, OWNER),
    listDeliveries: (client) => client.listDeliveries({ endpointId: ENDPOINT_ID, event: 'a' }, OWNER),
    getDelivery: (client) => client.getDelivery({ id: DELIVERY_ID }, OWNER),
    resendDelivery: (client) => client.resendDelivery({ id: DELIVERY_ID }, OWNER),
    startReplay: (client) => client.startReplay({ endpointId: ENDPOINT_ID, since, failedOnly: true }, OWNER),
    listReplays: (client) => client.listReplays({ endpointId: ENDPOINT_ID }, OWNER),
    cancelReplay: (client) => client.cancelReplay({ id: REPLAY_ID }, OWNER),
  };

test('every method reaches its service in the caller’s workspace, over every protocol', async () => {
  for (const [protocol, transport] of Object.entries(transportsTo(bench.url))) {
    const client = createClient(WebhookService, transport);
    for (const [method, call] of Object.entries(CALLS)) {
      asked.length = 0;
      await call(client);
      const last = asked.at(-1);
      assert.deepEqual([last?.method, last?.workspaceId], [method, HERE], `${protocol} ${method}`);
      if (!method.endsWith('Delivery') && method !== 'listDeliveries') assert.equal(last?.userId, ME);
    }
  }
});

test('requests and answers pass as they are', async () => {
  const client = createClient(WebhookService, grpc());
  const made = await client.createEndpoint({ endpoint: { target, events: ['*'], active: false } }, OWNER);
  assert.deepEqual([made.endpoint, made.secret], [endpoint(), 'whsec_c2VjcmV0']);
  assert.partialDeepStrictEqual(asked[0]?.request, { endpoint: { events: ['*'], active: false } });
  const page = await client.listEndpoints({ pageSize: 3, pageToken: 'this' }, OWNER);
  assert.deepEqual([page.endpoints, page.nextPageToken], [[endpoint()], 'next']);
  assert.deepEqual(asked[1]?.request, { pageSize: 3, pageToken: 'this' });
  const { delivery: one } = await client.getDelivery({ id: DELIVERY_ID }, OWNER);
  assert.equal(Buffer.from(one?.payloadJson ?? []).toString(), '{"n": 12345678901234567890, "f":1.10}');
  assert.equal(one?.attempts.length, 1);
  assert.deepEqual((await client.startReplay({ endpointId: ENDPOINT_ID, since }, OWNER)).replay, replay());
});

test('INVALID_ARGUMENT names what is missing; NOT_FOUND what can be no id; nobody is asked', async () => {
  const client = createClient(WebhookService, grpc());
  for (const [call, field] of [
    [() => client.createEndpoint({}, OWNER), 'endpoint'],
    [() => client.updateEndpoint({}, OWNER), 'endpoint'],
    [() => client.updateEndpoint({ endpoint: {} }, OWNER), 'endpoint.id'],
    [() => client.getEndpoint({}, OWNER), 'id'],
    [() => client.listDeliveries({}, OWNER), 'endpoint_id'],
    [() => client.getDelivery({}, OWNER), 'id'],
    [() => client.resendDelivery({}, OWNER), 'id'],
    [() => client.startReplay({ since }, OWNER), 'endpoint_id'],
    [() => client.startReplay({ endpointId: ENDPOINT_ID }, OWNER), 'since'],
    [() => client.cancelReplay({}, OWNER), 'id'],
  ] as const) {
    const error = await errorOf(call());
    assert.equal(error.code, Code.InvalidArgument);
    const [{ fieldViolations } = assert.fail()] = error.findDetails(BadRequestSchema);
    assert.deepEqual(
      fieldViolations.map(({ field: named }) => named),
      [field],
    );
  }
  for (const id of ['none', `${ENDPOINT_ID}/x`, '*', 'a.b', 'dlv_short']) {
    for (const call of [
      () => client.getEndpoint({ id }, OWNER),
      () => client.deleteEndpoint({ id }, OWNER),
      () => client.testEndpoint({ id }, OWNER),
      () => client.getDelivery({ id }, OWNER),
      () => client.listDeliveries({ endpointId: id }, OWNER),
      () => client.listReplays({ endpointId: id }, OWNER),
      () => client.cancelReplay({ id }, OWNER),
    ]) {
      assert.equal((await errorOf(call())).code, Code.NotFound, id);
    }
  }
  assert.deepEqual(asked, []);
});

test('what the service refuses keeps its code and its field', async () => {
  const client = createClient(WebhookService, grpc());
  failure = fieldError('endpoint.http.url', 'must not lead to a private address');
  const error = await errorOf(client.createEndpoint({ endpoint: { target, events: ['*'] } }, OWNER));
  const [detail] = error.findDetails(BadRequestSchema);
  assert.deepEqual(
    [error.code, detail?.fieldViolations[0]?.field],
    [Code.InvalidArgument, 'endpoint.http.url'],
  );
  for (const [code, expected] of [
    ['resource_exhausted', Code.ResourceExhausted],
    ['not_found', Code.NotFound],
    ['failed_precondition', Code.FailedPrecondition],
    ['unavailable', Code.Unavailable],
  ] as const) {
    failure = new MillraceError(code, 'so it is');
    const refused = await errorOf(client.getEndpoint({ id: ENDPOINT_ID }, OWNER));
    assert.deepEqual([refused.code, refused.rawMessage], [expected, 'so it is']);
  }
});

test('NOT_FOUND: no list of deliveries for an endpoint that the workspace has not got', async () => {
  failure = new MillraceError('not_found', 'no such endpoint');
  const error = await errorOf(CALLS.listDeliveries(createClient(WebhookService, grpc())));
  assert.equal(error.code, Code.NotFound);
  assert.deepEqual(
    asked.map(({ method }) => method),
    ['getEndpoint'],
  );
});

function grpc() {
  return transportsTo(bench.url)['gRPC over HTTP/2'] ?? assert.fail();
}

function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(() => assert.fail('the call succeeded'), ConnectError.from);
}

function fieldsOf(message: object | undefined): object {
  return JSON.parse(
    JSON.stringify(message ?? {}, (key, value) =>
      key === '$typeName' || key === '$unknown'
        ? undefined
        : typeof value === 'bigint'
          ? String(value)
          : value,
    ),
  );
}
