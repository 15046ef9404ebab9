import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import { type Caller, WebhookService } from '@millrace/contracts/millrace/webhook/v1/webhook';
import { bindService, fieldError, type GrpcServiceBinding, type ServiceMethods } from '@millrace/runtime';
import type { AttemptRow, Cursors, Retries } from '@millrace/stores';
import { endpointMessage } from './endpoints/endpoint-message.ts';
import type { EndpointRecord } from './endpoints/endpoint-record.ts';
import type { LiveEndpoint } from './endpoints/live-endpoint.ts';
import {
  createEndpoint,
  deleteEndpoint,
  type EndpointCaller,
  type EndpointDeps,
  findEndpoint,
  listEndpoints,
  rotateSecret,
  updateEndpoint,
} from './endpoints/manage-endpoints.ts';
import { resendDelivery } from './endpoints/resend-delivery.ts';
import { testEndpoint } from './endpoints/test-endpoint.ts';
import { groupOf } from './engine/groups.ts';
import { cancelReplay, listReplays, type ReplayDeps, startReplay } from './replays/manage-replays.ts';
import { replayMessage } from './replays/replay-record.ts';
import type { Targets } from './targets/target.ts';

/** What the service answers with. */
export interface ServiceDeps extends EndpointDeps, Pick<ReplayDeps, 'replays'> {
  readonly cursors: Pick<Cursors, 'read'>;
  readonly retries: Pick<Retries, 'put'>;
  readonly deliveries: Pick<ServiceMethods<typeof DeliveryService>, 'getDelivery'>;
  readonly liveEndpoint: (record: EndpointRecord) => LiveEndpoint | undefined;
  readonly targets: Targets;
  readonly insert: (rows: readonly AttemptRow[]) => Promise<void>;
}

/** `millrace.webhook.v1.WebhookService`. Throws MillraceError. */
export function bindWebhook(deps: ServiceDeps): GrpcServiceBinding {
  const requireEndpoint: ReplayDeps['requireEndpoint'] = (caller, id) => void findEndpoint(deps, caller, id);
  const replays: ReplayDeps = { ...deps, requireEndpoint };
  const shown = async (record: EndpointRecord) => {
    const stored = await deps.cursors.read(groupOf(record.id));
    return endpointMessage(record, stored?.cursors.failing[record.id] ?? 0);
  };
  return bindService(WebhookService, {
    async createEndpoint({ caller, request }) {
      const { record, secret } = await createEndpoint(deps, callerOf(caller), required(request));
      return { response: { endpoint: endpointMessage(record, 0), secret } };
    },
    async listEndpoints({ caller, request }) {
      const { records, nextPageToken } = listEndpoints(deps, callerOf(caller), required(request));
      return { response: { endpoints: await Promise.all(records.map(shown)), nextPageToken } };
    },
    async getEndpoint({ caller, request }) {
      return {
        response: { endpoint: await shown(findEndpoint(deps, callerOf(caller), required(request).id)) },
      };
    },
    async updateEndpoint({ caller, request }) {
      const record = await updateEndpoint(deps, callerOf(caller), required(request));
      return { response: { endpoint: await shown(record) } };
    },
    async deleteEndpoint({ caller, request }) {
      await deleteEndpoint(deps, callerOf(caller), required(request).id);
      return { response: {} };
    },
    async rotateEndpointSecret({ caller, request }) {
      const { secret, previousUntilMs } = await rotateSecret(deps, callerOf(caller), required(request).id);
      return { response: { secret, previousUntil: timestampFromMs(previousUntilMs) } };
    },
    async testEndpoint({ caller, request }) {
      const record = findEndpoint(deps, callerOf(caller), required(request).id);
      return { response: { delivery: await testEndpoint(deps, record) } };
    },
    async resendDelivery({ caller, request }, { signal }) {
      const { workspaceId } = callerOf(caller);
      const own = { ...deps, requireEndpoint: (id: string) => requireEndpoint({ workspaceId }, id) };
      const delivery = await resendDelivery(own, { workspaceId, id: required(request).id }, signal);
      return { response: { delivery } };
    },
    async startReplay({ caller, request }) {
      const record = await startReplay(replays, callerOf(caller), required(request));
      return { response: { replay: replayMessage(record) } };
    },
    async listReplays({ caller, request }) {
      const records = listReplays(replays, callerOf(caller), required(request).endpointId);
      return { response: { replays: records.map(replayMessage) } };
    },
    async cancelReplay({ caller, request }) {
      const record = await cancelReplay(replays, callerOf(caller), required(request).id);
      return { response: { replay: replayMessage(record) } };
    },
  });
}

function callerOf(caller: Caller | undefined): EndpointCaller {
  const { workspaceId = '', actor } = caller ?? {};
  if (workspaceId === '') throw fieldError('caller.workspace_id', 'is required');
  // No change goes unattributed.
  if (actor === undefined) throw fieldError('caller.actor', 'is required');
  const { userId, credentialId, ipAddress, requestId } = actor;
  return { workspaceId, actor: { userId, credentialId, ipAddress, requestId } };
}

function required<T>(request: T | undefined): T {
  if (request === undefined) throw fieldError('request', 'is required');
  return request;
}
