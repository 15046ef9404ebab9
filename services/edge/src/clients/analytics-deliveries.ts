import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { DeliveryService } from '@millrace/contracts/millrace/analytics/v1/delivery';
import type { ServiceMethods } from '@millrace/runtime';

type Methods = (typeof DeliveryService)['method'];

/**
 * Answers what was delivered; a signal that aborts ends the question. Throws MillraceError, `invalid_argument` naming the field among
 * them.
 */
export type DeliveryQuestions = {
  readonly [Name in 'listDeliveries' | 'getDelivery']: (
    request: MessageInitShape<Methods[Name]['input']>,
    signal: AbortSignal,
  ) => Promise<MessageShape<Methods[Name]['output']>>;
};

/** Longest that a question may take, in milliseconds: what ClickHouse is given for it, and the wait for a turn. */
const QUERY_TIMEOUT_MS = 28_000;

/** Asks by the service's methods, wherever they are. */
export function deliveriesBy(methods: ServiceMethods<typeof DeliveryService>): DeliveryQuestions {
  return {
    listDeliveries: (request, signal) =>
      methods.listDeliveries(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
    getDelivery: (request, signal) => methods.getDelivery(request, { timeoutMs: QUERY_TIMEOUT_MS, signal }),
  };
}
