import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { CredentialVerifier, Grant } from '../clients/credentials.ts';
import type { AccessRule, RouteAccess } from '../server/access.ts';
import type { RequestLimits } from '../server/limits/request-limits.ts';
import { unmetDemand } from '../server/unmet-demand.ts';
import { limitCall } from './limit-call.ts';
import { RPC_ACCESS } from './rpc-access.ts';

const BEARER = /^bearer[ \t]+(\S+)\s*$/i;

const callerKey = createContextKey<Grant | undefined>(undefined, { description: 'caller' });

/** Who calls. Only for methods that aren't public. */
export function callerOf(context: HandlerContext): Grant {
  const caller = context.values.get(callerKey);
  if (!caller) throw new ConnectError('no credential', Code.Unauthenticated);
  return caller;
}

/** Runs before a request's body is read: lets in whom the method's rule lets in. A method without a rule is closed. */
export function createGate(
  deps: { readonly credentials: CredentialVerifier; readonly limits: RequestLimits },
  access: ReadonlyMap<DescMethod, RouteAccess> = RPC_ACCESS,
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const rule = access.get(context.method);
    if (rule === 'public') return;
    if (rule === undefined) throw new ConnectError('nobody may call this method', Code.PermissionDenied);
    const secret = presentedSecret(context.requestHeader);
    if (secret === undefined) {
      throw new ConnectError('send `authorization: Bearer KEY` or `x-api-key: KEY`', Code.Unauthenticated);
    }
    const verdict = await deps.credentials.verify(secret);
    if (verdict.kind === 'refused') {
      throw new ConnectError('the credential is unknown, expired or revoked', Code.Unauthenticated);
    }
    await limitCall(context, deps.limits.caller(verdict, rule.limit));
    requireRule(verdict, rule);
    context.values.set(callerKey, verdict);
  };
}

function requireRule(grant: Grant, rule: AccessRule): void {
  const unmet = unmetDemand(grant, rule);
  if (unmet === undefined) return;
  if (unmet.kind === 'person') {
    throw new ConnectError('this takes the JWT of somebody who has signed in', Code.Unauthenticated);
  }
  throw new ConnectError(`the credential lacks the permission ${unmet.permission}`, Code.PermissionDenied);
}

function presentedSecret(headers: Headers): string | undefined {
  return headers.get('x-api-key')?.trim() || BEARER.exec(headers.get('authorization') ?? '')?.[1];
}
