import { type ContextValues, createContextKey, type HandlerContext } from '@connectrpc/connect';

/** Where a call comes from, for the audit log. */
export interface CallOrigin {
  /** The caller's `X-Request-Id` or one made here; echoed in the answer. */
  readonly requestId: string;
  /** The client's IP address, as the connection or a trusted proxy tells it. */
  clientAddress(): string;
}

const UNKNOWN: CallOrigin = { requestId: '', clientAddress: () => '' };

const originKey = createContextKey<CallOrigin>(UNKNOWN, { description: 'call origin' });

/** Adds a call's origin to its context values. */
export function withOrigin(values: ContextValues, origin: CallOrigin): ContextValues {
  return values.set(originKey, origin);
}

/** Where the call comes from. */
export function originOf(context: HandlerContext): CallOrigin {
  return context.values.get(originKey);
}
