import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextKey, type HandlerContext } from '@connectrpc/connect';
import { Health } from '@millrace/contracts/grpc/health/v1/health';
import { ServerReflection } from '@millrace/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@millrace/contracts/grpc/reflection/v1alpha/reflection';
import { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { DeadLetterService } from '@millrace/contracts/millrace/api/v1/dead_letter';
import { DeletionService } from '@millrace/contracts/millrace/api/v1/deletion';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { WebhookService } from '@millrace/contracts/millrace/api/v1/webhook';
import { WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import type { Grant } from '../clients/credentials.ts';
import type { Requester } from '../management/actor.ts';
import { type Failure, RequestFailure } from '../server/failure.ts';
import { admit, admitAgain, type GateDeps, type Presented } from '../server/gate.ts';
import type { AccessRule, RouteAccess } from '../server/route.ts';
import { originOf } from './call-record.ts';
import { failureError } from './failure.ts';

/** Who calls, and whether they still may. */
interface Caller {
  readonly grant: Grant;
  verifyAgain(): Promise<Grant>;
}

const callerKey = createContextKey<Caller | undefined>(undefined, { description: 'caller' });

/** Who calls. Only for methods that aren't public. */
export function callerOf(context: HandlerContext): Grant {
  return admitted(context).grant;
}

/**
 * Who calls, as their credential stands now: for each message of a stream, which may be open for hours.
 * Throws `unauthenticated` or `permission_denied` once the credential is no longer good, MillraceError while nobody can tell.
 */
export async function callerNow(context: HandlerContext): Promise<Grant> {
  try {
    return await admitted(context).verifyAgain();
  } catch (error) {
    throw error instanceof RequestFailure ? refusal(error.failure, context) : error;
  }
}

/** Who calls, and from where: for what is recorded in the audit log. */
export function requesterOf(context: HandlerContext): Requester {
  return { grant: callerOf(context), exchange: originOf(context) };
}

function admitted(context: HandlerContext): Caller {
  const caller = context.values.get(callerKey);
  if (!caller) throw new ConnectError('no credential', Code.Unauthenticated);
  return caller;
}

/** Runs before a request's body is read: lets in whom the method's rule lets in. A method without a rule is closed. */
export function createGate(
  deps: GateDeps,
  access: ReadonlyMap<DescMethod, RouteAccess> = RPC_ACCESS,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const rule = access.get(context.method);
    if (rule === 'public') return;
    if (rule === undefined) throw new ConnectError('nobody may call this method', Code.PermissionDenied);
    try {
      const presented = presentedBy(context);
      const grant = await admit(presented, deps, rule);
      context.values.set(callerKey, { grant, verifyAgain: () => admitAgain(presented, deps, rule) });
    } catch (error) {
      throw error instanceof RequestFailure ? refusal(error.failure, context) : error;
    }
  };
}

function presentedBy({ requestHeader, responseHeader }: HandlerContext): Presented {
  return {
    header: (name) => requestHeader.get(name) ?? undefined,
    query: () => new URLSearchParams(),
    addHeaders(headers) {
      for (let i = 0; i < headers.length; i += 2) responseHeader.set(headers[i] ?? '', headers[i + 1] ?? '');
    },
  };
}

/** The gate's refusals in gRPC's words. */
function refusal(failure: Failure, context: HandlerContext): ConnectError {
  if (failure.kind !== 'rate_limited') return failureError(failure);
  // As a header, not as the error's metadata, which gRPC would send in the trailer.
  context.responseHeader.set('retry-after', String(failure.retryAfterSeconds));
  return new ConnectError('too many requests', Code.ResourceExhausted);
}

/** Who may call each method that is served: what the gate enforces, and what the table of permissions in the tests is made from. */
export const RPC_ACCESS: ReadonlyMap<DescMethod, RouteAccess> = new Map([
  ...rules(EventService, { ingest: keyWith('events:write'), ingestStream: keyWith('events:write') }),
  ...rules(WorkspaceService, {
    createWorkspace: person(),
    // A key sees the one that it belongs to.
    listWorkspaces: anyCredential(),
    getWorkspace: anyCredential(),
    updateWorkspace: keyWith('workspace:manage'),
    createWorkspaceSession: person(),
    listMembers: keyWith('members:read'),
    inviteMember: keyWith('members:manage'),
    revokeInvitation: keyWith('members:manage'),
    updateMember: keyWith('members:manage'),
    // Everybody may leave; whoever removes somebody else needs `members:manage`, which only the request tells.
    removeMember: anyCredential(),
    deleteWorkspace: { ...person(), anyOf: ['*'] },
    listWorkspaceDeletions: person(),
    getWorkspaceDeletion: person(),
  }),
  ...rules(AnalyticsService, {
    query: reading(),
    listEvents: reading(),
    getEvent: reading(),
    getReceipt: reading(),
    listFieldNames: reading(),
    listFieldValues: reading(),
    listProperties: reading(),
    putProperty: keyWith('schemas:manage'),
    deleteProperty: keyWith('schemas:manage'),
    tailEvents: keyWith('events:read'),
    exportEvents: keyWith('events:read'),
  }),
  ...rules(DeadLetterService, {
    listDeadLetters: keyWith('events:read'),
    getDeadLetter: keyWith('events:read'),
    // Who changes them needs `events:read` besides, which the handlers see to.
    editDeadLetter: keyWith('events:write'),
    replayDeadLetter: keyWith('events:write'),
    discardDeadLetter: keyWith('events:write'),
    replayDeadLetters: keyWith('events:write'),
    discardDeadLetters: keyWith('events:write'),
  }),
  ...rules(DeletionService, {
    createDeletion: keyWith('workspace:manage'),
    getDeletion: keyWith('workspace:manage'),
    listDeletions: keyWith('workspace:manage'),
    getRetention: { ...anyCredential(), anyOf: ['analytics:read', 'events:read', 'workspace:manage'] },
    putRetention: keyWith('workspace:manage'),
  }),
  ...rules(WebhookService, {
    createEndpoint: keyWith('webhooks:manage'),
    listEndpoints: keyWith('webhooks:manage'),
    getEndpoint: keyWith('webhooks:manage'),
    updateEndpoint: keyWith('webhooks:manage'),
    deleteEndpoint: keyWith('webhooks:manage'),
    rotateEndpointSecret: keyWith('webhooks:manage'),
    testEndpoint: keyWith('webhooks:manage'),
    listDeliveries: keyWith('webhooks:manage'),
    getDelivery: keyWith('webhooks:manage'),
    resendDelivery: keyWith('webhooks:manage'),
    startReplay: keyWith('webhooks:manage'),
    listReplays: keyWith('webhooks:manage'),
    cancelReplay: keyWith('webhooks:manage'),
  }),
  ...rules(Health, { check: 'public', list: 'public', watch: 'public' }),
  ...rules(ServerReflection, { serverReflectionInfo: 'public' }),
  ...rules(ServerReflectionAlpha, { serverReflectionInfo: 'public' }),
]);

function rules<Service extends DescService>(
  service: Service,
  byMethod: Readonly<Record<keyof Service['method'], RouteAccess>>,
): [DescMethod, RouteAccess][] {
  return service.methods.map((method) => {
    // The type asks for every method by the names that the descriptor has.
    const name = method.localName as keyof Service['method'];
    return [method, byMethod[name]];
  });
}

function keyWith(permission: string): AccessRule {
  return { ...anyCredential(), anyOf: [permission] };
}

function reading(): AccessRule {
  return { ...anyCredential(), anyOf: ['analytics:read', 'events:read'] };
}

function person(): AccessRule {
  return { ...anyCredential(), caller: 'person' };
}

function anyCredential(): AccessRule {
  return { places: ['apiKey', 'bearer'], anyOf: [] };
}
