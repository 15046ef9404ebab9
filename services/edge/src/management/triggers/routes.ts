import { create } from '@bufbuild/protobuf';
import * as contract from '@millrace/contracts/millrace/api/v1/webhook';
import type { Api } from '../../request/api.ts';
import { encodeProblem } from '../../request/problem/encode-problem.ts';
import { readQuery } from '../../request/query-string.ts';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import { deliveriesReply } from '../webhooks/delivery-json.ts';
import { changedFields, toEndpoint } from '../webhooks/endpoint-json.ts';
import { decodeDeliveriesQuery, pageQuery } from '../webhooks/list-query.ts';
import { idOf, present, type WebhookRoute, webhookRoutes, whereRoom } from '../webhooks/webhook-route.ts';
import * as documentation from './documentation.ts';
import { changedTarget, toTarget } from './target-json.ts';
import {
  newTrigger,
  newTriggerBody,
  trigger,
  triggerChangesBody,
  triggerJson,
  triggerPage,
} from './trigger-json.ts';

/** What the workspace's events set off: calls, workflows, queues. The Connect and gRPC form is `millrace.api.v1.WebhookService`. */
export const triggersApi: Api = {
  name: 'triggers',
  routes: (deps) =>
    webhookRoutes(deps, routes, {
      places: [
        ['http', ['target']],
        ['temporal', ['target']],
        ['nats', ['target']],
      ],
      encodeFailure: encodeProblem,
    }),
};

const COLLECTION = '/v1/triggers';
const ONE = `${COLLECTION}/:id`;

/** A secret must not stay in the caches on the way. */
const NOT_STORED: readonly string[] = ['cache-control', 'no-store'];

const routes: readonly WebhookRoute[] = [
  {
    method: 'GET',
    path: COLLECTION,
    documentation: documentation.LIST,
    async answer({ exchange, caller, api }) {
      const { limit = 0, cursor: pageToken = '' } = readQuery(exchange.query(), pageQuery);
      const request = create(contract.ListEndpointsRequestSchema, { pageSize: limit, pageToken });
      const { endpoints, nextPageToken } = await api.listEndpoints(request, caller);
      const body = { triggers: endpoints.map(triggerJson), nextCursor: nextPageToken || null };
      return jsonReply(triggerPage, 200, body);
    },
  },
  {
    method: 'POST',
    path: COLLECTION,
    documentation: documentation.CREATE,
    async answer({ exchange, caller, api }) {
      const body = await receiveJson(exchange, newTriggerBody);
      const endpoint = toEndpoint(body, { target: toTarget(body.target) });
      const request = create(contract.CreateEndpointRequestSchema, { endpoint });
      const made = await whereRoom(api.createEndpoint(request, caller));
      const secret = made.secret === '' ? {} : { secret: made.secret };
      return jsonReply(newTrigger, 201, { ...triggerJson(present(made.endpoint)), ...secret }, NOT_STORED);
    },
  },
  {
    method: 'GET',
    path: ONE,
    documentation: documentation.GET,
    async answer({ exchange, caller, api }) {
      const request = create(contract.GetEndpointRequestSchema, { id: idOf(exchange) });
      const { endpoint } = await api.getEndpoint(request, caller);
      return jsonReply(trigger, 200, triggerJson(present(endpoint)));
    },
  },
  {
    method: 'PATCH',
    path: ONE,
    documentation: documentation.CHANGE,
    async answer({ exchange, caller, api }) {
      const { target, ...body } = await receiveJson(exchange, triggerChangesBody);
      const request = create(contract.UpdateEndpointRequestSchema, {
        endpoint: toEndpoint(body, { id: idOf(exchange), ...(target && { target: toTarget(target) }) }),
        fields: [...changedTarget(target), ...changedFields(body)],
      });
      const { endpoint } = await api.updateEndpoint(request, caller);
      return jsonReply(trigger, 200, triggerJson(present(endpoint)));
    },
  },
  {
    method: 'DELETE',
    path: ONE,
    documentation: documentation.DELETE,
    async answer({ exchange, caller, api }) {
      await api.deleteEndpoint(create(contract.DeleteEndpointRequestSchema, { id: idOf(exchange) }), caller);
      return { status: 204, body: '' };
    },
  },
  {
    method: 'GET',
    path: `${ONE}/deliveries`,
    documentation: documentation.LIST_DELIVERIES,
    async answer({ exchange, caller, api }) {
      const wanted = decodeDeliveriesQuery(idOf(exchange), exchange.query());
      const request = create(contract.ListDeliveriesRequestSchema, wanted);
      return deliveriesReply(await api.listDeliveries(request, caller));
    },
  },
];
