import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { WebhookService as PublicService } from '@millrace/contracts/millrace/api/v1/webhook';
import { type CallerSchema, WebhookService } from '@millrace/contracts/millrace/webhook/v1/webhook';
import {
  createGrpcClient,
  type GrpcClientOptions,
  MillraceError,
  type ServiceMethods,
} from '@millrace/runtime';

type Methods = (typeof PublicService)['method'];

/**
 * What the edge asks the webhook service, in the public API's words beside who asks. Throws MillraceError; its codes are in the
 * contract.
 */
export type WebhookGateway = {
  readonly [Name in Exclude<keyof Methods, 'listDeliveries' | 'getDelivery'>]: (
    caller: MessageInitShape<typeof CallerSchema>,
    request: MessageInitShape<Methods[Name]['input']>,
  ) => Promise<MessageShape<Methods[Name]['output']>>;
};

const CALL = { timeoutMs: 5_000 };
/** A test waits for the whole call of its endpoint, which has 10 s. */
const TEST_CALL = { timeoutMs: 15_000 };

/** Asks the webhook service over gRPC. */
export function webhookOverGrpc(options: GrpcClientOptions): WebhookGateway & { close(): void } {
  const client = createGrpcClient(WebhookService, options);
  return { ...webhookFrom(client.methods), close: () => client.close() };
}

/** Asks the webhook service by its methods, wherever they are. */
export function webhookFrom(methods: ServiceMethods<typeof WebhookService>): WebhookGateway {
  return {
    createEndpoint: async (caller, request) => said(await methods.createEndpoint({ caller, request }, CALL)),
    listEndpoints: async (caller, request) => said(await methods.listEndpoints({ caller, request }, CALL)),
    getEndpoint: async (caller, request) => said(await methods.getEndpoint({ caller, request }, CALL)),
    updateEndpoint: async (caller, request) => said(await methods.updateEndpoint({ caller, request }, CALL)),
    deleteEndpoint: async (caller, request) => said(await methods.deleteEndpoint({ caller, request }, CALL)),
    rotateEndpointSecret: async (caller, request) =>
      said(await methods.rotateEndpointSecret({ caller, request }, CALL)),
    testEndpoint: async (caller, request) => said(await methods.testEndpoint({ caller, request }, TEST_CALL)),
    resendDelivery: async (caller, request) => said(await methods.resendDelivery({ caller, request }, CALL)),
    startReplay: async (caller, request) => said(await methods.startReplay({ caller, request }, CALL)),
    listReplays: async (caller, request) => said(await methods.listReplays({ caller, request }, CALL)),
    cancelReplay: async (caller, request) => said(await methods.cancelReplay({ caller, request }, CALL)),
  };
}

/** An answer always has the public API's, which its type can't say. */
function said<T>({ response }: { readonly response?: T | undefined }): T {
  if (response !== undefined) return response;
  throw new MillraceError('internal', 'the webhook service answered without what it was asked for');
}
