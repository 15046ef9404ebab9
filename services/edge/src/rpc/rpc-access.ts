import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { Health } from '@millrace/contracts/grpc/health/v1/health';
import { ServerReflection } from '@millrace/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@millrace/contracts/grpc/reflection/v1alpha/reflection';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { WorkspaceService } from '@millrace/contracts/millrace/api/v1/workspace';
import type { AccessRule, RouteAccess } from '../server/access.ts';

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

function person(): AccessRule {
  return { ...anyCredential(), caller: 'person' };
}

function anyCredential(): AccessRule {
  return { places: ['apiKey', 'bearer'], anyOf: [] };
}
