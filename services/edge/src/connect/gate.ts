import { Code, ConnectError, createContextKey, type HandlerContext } from '@connectrpc/connect';
import { EventService } from '@millrace/contracts/millrace/api/v1/event';
import { type CredentialVerifier, type Grant, hasPermission } from '../gateway/credentials.ts';

const PERMISSION = 'events:write';
const BEARER = /^bearer[ \t]+(\S+)\s*$/i;

const callerKey = createContextKey<Grant | undefined>(undefined, { description: 'caller' });

/** Who calls. Only for methods that the gate guards. */
export function callerOf(context: HandlerContext): Grant {
  const caller = context.values.get(callerKey);
  if (!caller) throw new ConnectError('no credential', Code.Unauthenticated);
  return caller;
}

/**
 * Runs before a request's body is read: the event service takes a bearer token or an API key with `events:write`;
 * health and reflection are open.
 */
export function createGate(credentials: CredentialVerifier): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    if (context.service.typeName !== EventService.typeName) return;
    const secret = presentedSecret(context.requestHeader);
    if (secret === undefined) {
      throw new ConnectError('send `authorization: Bearer KEY` or `x-api-key: KEY`', Code.Unauthenticated);
    }
    const verdict = await credentials.verify(secret);
    if (verdict.kind === 'refused') {
      throw new ConnectError('the credential is unknown, expired or revoked', Code.Unauthenticated);
    }
    if (!hasPermission(verdict, PERMISSION)) {
      throw new ConnectError(`the credential lacks the permission ${PERMISSION}`, Code.PermissionDenied);
    }
    context.values.set(callerKey, verdict);
  };
}

function presentedSecret(headers: Headers): string | undefined {
  return headers.get('x-api-key')?.trim() || BEARER.exec(headers.get('authorization') ?? '')?.[1];
}
