import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  DeliveryCause,
  DeliverySchema,
  DeliveryStatus,
  DisabledReason,
  EndpointSchema,
  NamedRetryPolicy,
  ReplaySchema,
  ReplayStatus,
  SignatureScheme,
} from '@millrace/contracts/millrace/api/v1/webhook';
import { triggersApi } from '../src/management/triggers/routes.ts';
import { webhooksApi } from '../src/management/webhooks/routes.ts';
import { benchDialect } from './dialect-harness.ts';
import { granting, session } from './granting.ts';
import { deliveriesDouble, webhookDouble } from './webhooks.ts';

/** Ids of what the doubles have. */
export const ENDPOINT_ID = '01890000-0000-7000-8000-000000000001';
export const REPLAY_ID = '01890000-0000-7000-8000-000000000002';
export const DELIVERY_ID = `dlv_${'a'.repeat(22)}`;

/** What of a message is to be another way; not a whole message. */
type Changes<Schema extends DescMessage> = Exclude<MessageInitShape<Schema>, MessageShape<Schema>>;

const MADE_MS = Date.UTC(2024, 0, 1);
/** When everything was made. */
export const MADE = '2024-01-01T00:00:00.000Z';

const credentials = granting({
  sk_manager: { permissions: new Set(['webhooks:manage']) },
  'jwt.member': session('webhooks:manage', 'events:write'),
  sk_other: { permissions: new Set(['events:write', 'api-keys:manage']) },
});

/** What stands behind the routes: of the webhook service, and of analytics. */
export interface Behind {
  readonly webhooks?: Parameters<typeof webhookDouble>[0];
  readonly deliveries?: Parameters<typeof deliveriesDouble>[0];
}

/** Sends a request to `/webhooks` or `/v1/triggers`; `route` is a method and a path, `POST /webhooks`. */
export function send(
  behind: Behind,
  route: string,
  request: {
    headers?: Readonly<Record<string, string>>;
    body?: unknown;
    search?: string;
    id?: string;
  } = {},
) {
  const [method = '', path = ''] = route.split(' ');
  const { headers = { 'x-api-key': 'sk_manager' }, body, search = '', id = ENDPOINT_ID } = request;
  const api = path.startsWith('/v1/triggers') ? triggersApi : webhooksApi;
  const bench = benchDialect(api, {
    credentials,
    webhooks: webhookDouble(behind.webhooks),
    deliveries: deliveriesDouble(behind.deliveries),
  });
  return bench.send(method, path, { headers, body, search, params: { id } });
}

/** An endpoint that is called by HTTP, as the service tells of it. */
export function endpoint(changes: Changes<typeof EndpointSchema> = {}) {
  return create(EndpointSchema, {
    id: ENDPOINT_ID,
    target: {
      case: 'http',
      value: { url: 'https://example.com/hooks', signature: SignatureScheme.HMAC_SHA256 },
    },
    events: ['message.*'],
    active: true,
    maxInFlight: 10,
    retryPolicy: { schedule: { case: 'named', value: NamedRetryPolicy.FAST } },
    createdAt: timestampFromMs(MADE_MS),
    updatedAt: timestampFromMs(MADE_MS),
    disabledReason: DisabledReason.UNSPECIFIED,
    ...changes,
  });
}

/** What `endpoint` is to clients, whatever its target. */
export const SHOWN_FIELDS = {
  events: ['message.*'],
  description: '',
  isActive: true,
  filter: null,
  rateLimit: null,
  maxInFlight: 10,
  ordered: false,
  retryPolicy: 'fast',
  disabledReason: null,
  failingSince: null,
  createdAt: MADE,
  updatedAt: MADE,
};

/** What `endpoint` is to clients of the chatbot API. */
export const SHOWN = {
  id: ENDPOINT_ID,
  url: 'https://example.com/hooks',
  headers: {},
  signature: 'hmac-sha256',
  publicKey: null,
  ...SHOWN_FIELDS,
};

/** Answers `getEndpoint` with an endpoint. */
export function having(changes: Changes<typeof EndpointSchema> = {}) {
  return { getEndpoint: async () => ({ response: { endpoint: endpoint(changes) } }) };
}

/** A delivery that failed at its first attempt and waits for the second. */
export function delivery(changes: Changes<typeof DeliverySchema> = {}) {
  return create(DeliverySchema, {
    id: DELIVERY_ID,
    endpointId: ENDPOINT_ID,
    url: 'https://example.com/hooks',
    eventId: 'evt_1',
    event: 'message.received',
    payloadJson: Buffer.from('{"n": 12345678901234567890, "f":1.10}'),
    status: DeliveryStatus.PENDING,
    attemptCount: 1,
    lastError: 'HTTP 500: oops',
    createdAt: timestampFromMs(MADE_MS),
    nextAttemptAt: timestampFromMs(MADE_MS + 1_000),
    attempts: [
      {
        number: 1,
        startedAt: timestampFromMs(MADE_MS),
        took: durationFromMs(87),
        status: 500,
        error: 'HTTP 500: oops',
        response: Buffer.from('oops'),
        address: '198.51.100.7:443',
        cause: DeliveryCause.EVENT,
      },
    ],
    ...changes,
  });
}

/** A replay under way. */
export function replay(changes: Changes<typeof ReplaySchema> = {}) {
  return create(ReplaySchema, {
    id: REPLAY_ID,
    endpointId: ENDPOINT_ID,
    since: timestampFromMs(MADE_MS),
    failedOnly: true,
    status: ReplayStatus.RUNNING,
    attempted: 120n,
    failed: 3n,
    progress: 0.25,
    createdAt: timestampFromMs(MADE_MS),
    ...changes,
  });
}
