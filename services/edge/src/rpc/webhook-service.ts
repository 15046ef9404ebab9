import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { WebhookService } from '@millrace/contracts/millrace/api/v1/webhook';
import { actorOf } from '../management/actor.ts';
import {
  createWebhookApi,
  type WebhookCaller,
  type WebhookDeps,
} from '../management/webhooks/webhook-api.ts';
import { originOf } from './call-record.ts';
import { callerOf } from './gate.ts';

/** `millrace.api.v1.WebhookService`: what REST does, in the caller's workspace. */
export function createWebhookService(deps: WebhookDeps): ServiceImpl<typeof WebhookService> {
  const api = createWebhookApi(deps);
  return {
    createEndpoint: (request, context) => api.createEndpoint(request, callerFrom(context)),
    listEndpoints: (request, context) => api.listEndpoints(request, callerFrom(context)),
    getEndpoint: (request, context) => api.getEndpoint(request, callerFrom(context)),
    updateEndpoint: (request, context) => api.updateEndpoint(request, callerFrom(context)),
    deleteEndpoint: (request, context) => api.deleteEndpoint(request, callerFrom(context)),
    rotateEndpointSecret: (request, context) => api.rotateEndpointSecret(request, callerFrom(context)),
    testEndpoint: (request, context) => api.testEndpoint(request, callerFrom(context)),
    listDeliveries: (request, context) => api.listDeliveries(request, callerFrom(context)),
    getDelivery: (request, context) => api.getDelivery(request, callerFrom(context)),
    resendDelivery: (request, context) => api.resendDelivery(request, callerFrom(context)),
    startReplay: (request, context) => api.startReplay(request, callerFrom(context)),
    listReplays: (request, context) => api.listReplays(request, callerFrom(context)),
    cancelReplay: (request, context) => api.cancelReplay(request, callerFrom(context)),
  };
}

function callerFrom(context: HandlerContext): WebhookCaller {
  const grant = callerOf(context);
  return { grant, actor: actorOf(originOf(context), grant), signal: context.signal };
}
