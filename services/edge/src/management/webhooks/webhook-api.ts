import { create, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import {
  GetDeliveryResponseSchema,
  ListDeliveriesResponseSchema,
  type WebhookService,
} from '@millrace/contracts/millrace/api/v1/webhook';
import type { ActorSchema } from '@millrace/contracts/millrace/auth/v1/actor';
import { fieldError, MillraceError } from '@millrace/runtime';
import type { Grant } from '../../clients/credentials.ts';
import type { ApiDeps } from '../../request/api.ts';

/** Who calls, and for how long they wait. */
export interface WebhookCaller {
  readonly grant: Grant;
  readonly actor: MessageInitShape<typeof ActorSchema>;
  readonly signal: AbortSignal;
}

type Methods = (typeof WebhookService)['method'];

/**
 * `millrace.api.v1.WebhookService` whichever way it is asked: REST and RPC call these, so that both answer alike. The workspace is the
 * credential's. Throws MillraceError, `not_found` for what another workspace has among them.
 */
export type WebhookApi = {
  readonly [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]['input']>,
    caller: WebhookCaller,
  ) => Promise<MessageShape<Methods[Name]['output']>>;
};

/** What endpoints are looked after with. */
export type WebhookDeps = Pick<ApiDeps, 'webhooks' | 'deliveries'>;

/** Makes the use cases over the webhook service, which has the endpoints, and analytics, which has what was delivered. */
export function createWebhookApi({ webhooks, deliveries }: WebhookDeps): WebhookApi {
  return {
    async createEndpoint(request, caller) {
      const { endpoint } = request;
      if (endpoint === undefined) throw fieldError('endpoint', 'is required');
      const { active = true } = endpoint;
      return webhooks.createEndpoint(named(caller), { endpoint: { ...endpoint, active } });
    },
    listEndpoints: async (request, caller) => webhooks.listEndpoints(named(caller), request),
    async getEndpoint(request, caller) {
      requireUuid(request.id, ENDPOINT);
      return webhooks.getEndpoint(named(caller), request);
    },
    async updateEndpoint(request, caller) {
      if (request.endpoint === undefined) throw fieldError('endpoint', 'is required');
      requireUuid(request.endpoint.id, { ...ENDPOINT, field: 'endpoint.id' });
      return webhooks.updateEndpoint(named(caller), request);
    },
    async deleteEndpoint(request, caller) {
      requireUuid(request.id, ENDPOINT);
      return webhooks.deleteEndpoint(named(caller), request);
    },
    async rotateEndpointSecret(request, caller) {
      requireUuid(request.id, ENDPOINT);
      return webhooks.rotateEndpointSecret(named(caller), request);
    },
    async testEndpoint(request, caller) {
      requireUuid(request.id, ENDPOINT);
      return webhooks.testEndpoint(named(caller), request);
    },
    async listDeliveries(request, caller) {
      const { endpointId: id } = request;
      requireUuid(id, OF_ENDPOINT);
      // Analytics knows deliveries only: of an endpoint that nobody has there are none, as of one that is new.
      await webhooks.getEndpoint(named(caller), { id });
      const { workspaceId } = caller.grant;
      const { response } = await deliveries.listDeliveries({ workspaceId, request }, caller.signal);
      return response ?? create(ListDeliveriesResponseSchema);
    },
    async getDelivery({ id }, { grant, signal }) {
      requireDeliveryId(id);
      const { delivery } = await deliveries.getDelivery({ workspaceId: grant.workspaceId, id }, signal);
      return create(GetDeliveryResponseSchema, { ...(delivery && { delivery }) });
    },
    async resendDelivery(request, caller) {
      requireDeliveryId(request.id);
      return webhooks.resendDelivery(named(caller), request);
    },
    async startReplay(request, caller) {
      requireUuid(request.endpointId, OF_ENDPOINT);
      if (request.since === undefined) throw fieldError('since', 'is required');
      return webhooks.startReplay(named(caller), request);
    },
    async listReplays(request, caller) {
      requireUuid(request.endpointId, OF_ENDPOINT);
      return webhooks.listReplays(named(caller), request);
    },
    async cancelReplay(request, caller) {
      requireUuid(request.id, { field: 'id', missing: 'no such replay' });
      return webhooks.cancelReplay(named(caller), request);
    },
  };
}

/** What an endpoint that the workspace hasn't got is answered with. */
export const NO_ENDPOINT = 'no such endpoint';
const ENDPOINT = { field: 'id', missing: NO_ENDPOINT };
const OF_ENDPOINT = { field: 'endpoint_id', missing: NO_ENDPOINT };

function named({ grant, actor }: WebhookCaller) {
  return { workspaceId: grant.workspaceId, actor };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DELIVERY_ID = /^dlv_[A-Za-z0-9_-]{22}$/;

/** What can't be an id is answered like an id that nothing has, and nobody is asked. */
function requireUuid(id: string, { field, missing }: { field: string; missing: string }): void {
  requireText(field, id);
  if (!UUID.test(id)) throw new MillraceError('not_found', missing);
}

function requireDeliveryId(id: string): void {
  requireText('id', id);
  if (!DELIVERY_ID.test(id)) throw new MillraceError('not_found', 'no such delivery');
}

function requireText(field: string, value: string): void {
  if (value === '') throw fieldError(field, 'is required');
}
