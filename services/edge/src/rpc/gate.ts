import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { Grant } from '../clients/credentials.ts';
import type { RouteAccess } from '../server/access.ts';
import { type Failure, RequestFailure } from '../server/failure.ts';
import { admit, admitAgain, type GateDeps, type Presented } from '../server/gate.ts';
import { RPC_ACCESS } from './rpc-access.ts';

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
  switch (failure.kind) {
    case 'missing_credential':
      return new ConnectError('send `authorization: Bearer KEY` or `x-api-key: KEY`', Code.Unauthenticated);
    case 'invalid_credential':
      return new ConnectError(
        'the credential is unknown, expired, revoked or not for this method',
        Code.Unauthenticated,
      );
    case 'forbidden':
      return new ConnectError(
        `the credential lacks the permission ${failure.permission}`,
        Code.PermissionDenied,
      );
    case 'rate_limited':
      // As a header, not as the error's metadata, which gRPC would send in the trailer.
      context.responseHeader.set('retry-after', String(failure.retryAfterSeconds));
      return new ConnectError('too many requests', Code.ResourceExhausted);
    default:
      return new ConnectError('internal error', Code.Internal);
  }
}
