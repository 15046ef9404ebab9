import { create } from '@bufbuild/protobuf';
import * as contract from '@millrace/contracts/millrace/api/v1/webhook';
import { MillraceError } from '@millrace/runtime';
import { chatbotError, encodeChatbotFailure } from '../../dialects/chatbot/encode.ts';
import type { Api } from '../../request/api.ts';
import { readQuery } from '../../request/query-string.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import * as documentation from './documentation.ts';
import { toEndpoint } from './endpoint-json.ts';
import { pageQuery } from './list-query.ts';
import {
  newWebhook,
  newWebhookBody,
  rotatedJson,
  rotatedSecret,
  toHttpTarget,
  toWebhookChange,
  webhook,
  webhookChangesBody,
  webhookJson,
  webhookList,
} from './webhook-json.ts';
import { present, requireWebhook, type WebhookRoute, webhookRoutes, whereRoom } from './webhook-route.ts';

/** Where the workspace's events are delivered by HTTP, as the chatbot API manages that. */
export const webhooksApi: Api = {
  name: 'webhooks',
  unrouted: { prefixes: ['/webhooks'], errors: chatbotError, encodeFailure: encodeChatbotFailure },
  routes: (deps) =>
    webhookRoutes(deps, [...endpointRoutes, ...deliveryRoutes], {
      places: [
        ['http', []],
        ['target', ['url']],
      ],
      encodeFailure: encodeChatbotFailure,
    }),
};

/** A secret must not stay in the caches on the way. */
const NOT_STORED: readonly string[] = ['cache-control', 'no-store'];

const endpointRoutes: readonly WebhookRoute[] = [
  {
    method: 'POST',
    path: '/webhooks',
    documentation: documentation.CREATE,
    async answer({ exchange, caller, api }) {
      const body = await receiveJson(exchange, newWebhookBody);
      const endpoint = toEndpoint(body, { target: toHttpTarget(body) });
      const request = create(contract.CreateEndpointRequestSchema, { endpoint });
      const made = await whereRoom(api.createEndpoint(request, caller));
      const secret = made.secret === '' ? {} : { secret: made.secret };
      return jsonReply(newWebhook, 201, { ...shown(present(made.endpoint)), ...secret }, NOT_STORED);
    },
  },
  {
    method: 'GET',
    path: '/webhooks',
    documentation: documentation.LIST,
    async answer({ exchange, caller, api }) {
      const { limit = 0, cursor: pageToken = '' } = readQuery(exchange.query(), pageQuery);
      const request = create(contract.ListEndpointsRequestSchema, { pageSize: limit, pageToken });
      const { endpoints, nextPageToken } = await api.listEndpoints(request, caller);
      // The body is a bare array, so that the way to the next page is a header (RFC 8288).
      const next = new URLSearchParams({ ...(limit > 0 && { limit: `${limit}` }), cursor: nextPageToken });
      const link = nextPageToken === '' ? [] : ['link', `<?${next}>; rel="next"`];
      const called = endpoints.filter(({ target }) => target.case === 'http');
      return jsonReply(webhookList, 200, called.map(shown), link);
    },
  },
  {
    method: 'GET',
    path: '/webhooks/:id',
    documentation: documentation.GET,
    async answer(request) {
      return jsonReply(webhook, 200, shown(await requireWebhook(request)));
    },
  },
  {
    method: 'PATCH',
    path: '/webhooks/:id',
    documentation: documentation.CHANGE,
    async answer(request) {
      const { exchange, caller, api } = request;
      const body = await receiveJson(exchange, webhookChangesBody);
      const { id } = await requireWebhook(request);
      const change = create(contract.UpdateEndpointRequestSchema, toWebhookChange(id, body));
      const { endpoint } = await api.updateEndpoint(change, caller);
      return jsonReply(webhook, 200, shown(present(endpoint)));
    },
  },
  {
    method: 'DELETE',
    path: '/webhooks/:id',
    documentation: documentation.DELETE,
    async answer(request) {
      const { id } = await requireWebhook(request);
      await request.api.deleteEndpoint(create(contract.DeleteEndpointRequestSchema, { id }), request.caller);
      return { status: 204, body: '' };
    },
  },
  {
    method: 'POST',
    path: '/webhooks/:id/rotate-secret',
    documentation: documentation.ROTATE,
    async answer(request) {
      const { id } = await requireWebhook(request);
      const rotation = create(contract.RotateEndpointSecretRequestSchema, { id });
      const rotated = await request.api.rotateEndpointSecret(rotation, request.caller);
      return jsonReply(rotatedSecret, 200, rotatedJson(rotated), NOT_STORED);
    },
  },
];

function shown(endpoint: contract.Endpoint) {
  const { target } = endpoint;
  if (target.case !== 'http') throw new MillraceError('internal', 'an endpoint without a URL');
  return webhookJson(endpoint, target.value);
}
