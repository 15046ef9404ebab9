import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import * as contract from '@millrace/contracts/millrace/api/v1/webhook';
import { receiveJson } from '../../request/receive-json.ts';
import { jsonReply } from '../../request/response.ts';
import type { Reply } from '../../server/exchange.ts';
import * as documentation from './delivery-documentation.ts';
import { deliveriesReply, deliveryReply, deliveryWithAttemptsReply } from './delivery-json.ts';
import { decodeDeliveriesQuery } from './list-query.ts';
import { replay, replayBody, replayJson, replayList } from './replay-json.ts';
import {
  idOf,
  present,
  requireWebhook,
  type WebhookRequest,
  type WebhookRoute,
  whereRoom,
} from './webhook-route.ts';

/** What was delivered, and what is delivered again. */
export const deliveryRoutes: readonly WebhookRoute[] = [
  {
    method: 'POST',
    path: '/webhooks/:id/test',
    documentation: documentation.TEST,
    async answer(request) {
      const { id } = await requireWebhook(request);
      const { delivery } = await request.api.testEndpoint(
        create(contract.TestEndpointRequestSchema, { id }),
        request.caller,
      );
      return deliveryWithAttemptsReply(present(delivery));
    },
  },
  {
    method: 'GET',
    path: '/webhooks/:id/deliveries',
    documentation: documentation.LIST,
    async answer(request) {
      const { exchange, caller, api } = request;
      const wanted = decodeDeliveriesQuery(idOf(exchange), exchange.query());
      await requireWebhook(request);
      return deliveriesReply(
        await api.listDeliveries(create(contract.ListDeliveriesRequestSchema, wanted), caller),
      );
    },
  },
  {
    method: 'GET',
    path: '/webhooks/deliveries/:id',
    documentation: documentation.GET,
    async answer({ exchange, caller, api }) {
      const request = create(contract.GetDeliveryRequestSchema, { id: idOf(exchange) });
      return deliveryWithAttemptsReply(present((await api.getDelivery(request, caller)).delivery));
    },
  },
  {
    method: 'POST',
    path: '/webhooks/deliveries/:id/resend',
    documentation: documentation.RESEND,
    async answer({ exchange, caller, api }) {
      const request = create(contract.ResendDeliveryRequestSchema, { id: idOf(exchange) });
      return deliveryReply(202, present((await api.resendDelivery(request, caller)).delivery));
    },
  },
  {
    method: 'POST',
    path: '/webhooks/:id/recover',
    documentation: documentation.RECOVER,
    answer: (request) => startReplay(request, { failedOnly: true }),
  },
  {
    method: 'POST',
    path: '/webhooks/:id/replay',
    documentation: documentation.REPLAY_ALL,
    answer: (request) => startReplay(request, { failedOnly: false }),
  },
  {
    method: 'GET',
    path: '/webhooks/:id/replays',
    documentation: documentation.LIST_REPLAYS,
    async answer(request) {
      const { id: endpointId } = await requireWebhook(request);
      const wanted = create(contract.ListReplaysRequestSchema, { endpointId });
      const { replays } = await request.api.listReplays(wanted, request.caller);
      return jsonReply(replayList, 200, replays.map(replayJson));
    },
  },
  {
    method: 'DELETE',
    path: '/webhooks/replays/:id',
    documentation: documentation.CANCEL_REPLAY,
    async answer({ exchange, caller, api }) {
      const request = create(contract.CancelReplayRequestSchema, { id: idOf(exchange) });
      return jsonReply(replay, 200, replayJson(present((await api.cancelReplay(request, caller)).replay)));
    },
  },
];

async function startReplay(request: WebhookRequest, which: { failedOnly: boolean }): Promise<Reply> {
  const { since } = await receiveJson(request.exchange, replayBody);
  const { id: endpointId } = await requireWebhook(request);
  const wanted = create(contract.StartReplayRequestSchema, {
    ...{ endpointId, ...which },
    since: timestampFromMs(since),
  });
  const started = await whereRoom(request.api.startReplay(wanted, request.caller));
  return jsonReply(replay, 202, replayJson(present(started.replay)));
}
