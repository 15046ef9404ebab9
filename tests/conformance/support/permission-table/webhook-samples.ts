import type { Planted } from './planted-workspace.ts';
import type { SampleRequest } from './sample-request.ts';

const own = { elsewhere: 'own' } as const;
/** Refused as a port that nothing listens on is: a call ends at once. */
const NEW_WEBHOOK = { url: 'http://127.0.0.1:9/sample', events: ['nothing.of.the.kind'] };
const SINCE = { since: '2024-01-30T12:00:00Z' };

/** A request for every operation on endpoints and what was delivered to them. */
export function webhookSamples(planted: Planted): Readonly<Record<string, SampleRequest>> {
  const endpoint = { params: { id: planted.endpointId }, elsewhere: 404 } as const;
  const delivery = { params: { id: planted.deliveryId }, elsewhere: 404 } as const;
  const replay = { params: { id: planted.replayId }, elsewhere: 404 } as const;
  const { events, url } = NEW_WEBHOOK;
  return {
    'POST /webhooks': { body: NEW_WEBHOOK, ...own },
    'GET /webhooks': own,
    'GET /webhooks/:id': endpoint,
    'PATCH /webhooks/:id': { ...endpoint, body: { description: '' } },
    'DELETE /webhooks/:id': endpoint,
    'POST /webhooks/:id/rotate-secret': endpoint,
    'POST /webhooks/:id/test': endpoint,
    'GET /webhooks/:id/deliveries': endpoint,
    'GET /webhooks/deliveries/:id': delivery,
    'POST /webhooks/deliveries/:id/resend': delivery,
    'POST /webhooks/:id/recover': { ...endpoint, body: SINCE },
    'POST /webhooks/:id/replay': { ...endpoint, body: SINCE },
    'GET /webhooks/:id/replays': endpoint,
    'DELETE /webhooks/replays/:id': replay,
    'GET /v1/triggers': own,
    'POST /v1/triggers': { body: { events, target: { kind: 'http', url } }, ...own },
    'GET /v1/triggers/:id': endpoint,
    'PATCH /v1/triggers/:id': { ...endpoint, body: { description: '' } },
    'DELETE /v1/triggers/:id': endpoint,
    'GET /v1/triggers/:id/deliveries': endpoint,
    ...methodSamples(planted),
  };
}

function methodSamples({ endpointId, deliveryId, replayId }: Planted) {
  const endpoint = { body: { id: endpointId }, elsewhere: 404 } as const;
  const ofEndpoint = { body: { endpointId }, elsewhere: 404 } as const;
  const target = { case: 'http', value: { url: NEW_WEBHOOK.url } };
  const samples: Readonly<Record<string, SampleRequest>> = {
    CreateEndpoint: { body: { endpoint: { target, events: NEW_WEBHOOK.events } }, ...own },
    ListEndpoints: own,
    GetEndpoint: endpoint,
    UpdateEndpoint: { body: { endpoint: { id: endpointId }, fields: ['description'] }, elsewhere: 404 },
    DeleteEndpoint: endpoint,
    RotateEndpointSecret: endpoint,
    TestEndpoint: endpoint,
    ListDeliveries: ofEndpoint,
    GetDelivery: { body: { id: deliveryId }, elsewhere: 404 },
    ResendDelivery: { body: { id: deliveryId }, elsewhere: 404 },
    StartReplay: { body: { endpointId, since: { nanos: 0 } }, elsewhere: 404 },
    ListReplays: ofEndpoint,
    CancelReplay: { body: { id: replayId }, elsewhere: 404 },
  };
  return Object.fromEntries(
    Object.entries(samples).map(([method, sample]) => [`millrace.api.v1.WebhookService/${method}`, sample]),
  );
}
