import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { Server, ServerCredentials, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from '../logger.ts';
import { counterFrom, type MetricsRegistry } from '../metrics.ts';
import type { Tracing } from '../tracing.ts';
import { answerWith, type CallContext, streamWith } from './answer.ts';
import { MAX_MESSAGE_BYTES } from './client.ts';
import { byteMethods, decode, encode } from './method.ts';
import type { ServiceToken } from './service-token.ts';
import { type GrpcTls, listenWithTls, warnOfClearText } from './tls.ts';

type Handlers<Service extends DescService, Raw extends string> = {
  [Name in keyof Service['method']]?: Service['method'][Name] extends DescMethodUnary<infer In, infer Out>
    ? (
        request: Name extends Raw ? Buffer : MessageShape<In>,
        context: CallContext,
      ) => Promise<MessageInitShape<Out>>
    : Service['method'][Name] extends DescMethodServerStreaming<infer In, infer Out>
      ? (request: MessageShape<In>, context: CallContext) => AsyncIterable<MessageInitShape<Out>>
      : never;
};

/** A service and what answers it. */
export interface GrpcServiceBinding {
  readonly service: DescService;
  readonly rawNames: readonly string[];
  readonly handlers: Readonly<
    Record<
      string,
      ((request: never, context: CallContext) => Promise<object> | AsyncIterable<object>) | undefined
    >
  >;
}

/**
 * Binds handlers to a generated service; the methods named in `raw` get their request undecoded. A handler of a stream ends
 * when its context's signal aborts; it is asked for the next message only when the caller has taken the last.
 */
export function bindService<Service extends DescService, Raw extends string = never>(
  service: Service,
  handlers: Handlers<Service, Raw>,
  raw: readonly Raw[] = [],
): GrpcServiceBinding {
  // The record's values are the handlers that the mapped type has just checked one by one.
  return { service, rawNames: raw, handlers: handlers as unknown as GrpcServiceBinding['handlers'] };
}

/** A listening internal gRPC server. */
export interface GrpcServer {
  readonly port: number;
  /** Refuses new calls, lets those under way end (at most 10 s), then closes. */
  close(): Promise<void>;
}

const DRAIN_DEADLINE_MS = 10_000;
const TLS_CONNECTION_AGE_MS = 10 * 60_000;

/**
 * Listens with @grpc/grpc-js; every call must carry a service token, and with `tls` comes over a connection whose client
 * has shown a certificate. Metrics: `millrace_grpc_requests_total`.
 */
export async function startGrpcServer(options: {
  host: string;
  port: number;
  services: readonly GrpcServiceBinding[];
  token: ServiceToken;
  /** With it, a client must show a certificate of the same CA. */
  tls?: GrpcTls;
  registry: MetricsRegistry;
  tracing: Tracing;
  log: Logger;
}): Promise<GrpcServer> {
  const requests = counterFrom({
    registry: options.registry,
    name: 'millrace_grpc_requests_total',
    help: 'Calls between services, by gRPC status code.',
    labelNames: ['service', 'method', 'code'],
  });
  const server = new Server({
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    // A certificate is looked at when a connection is made, so none may last for ever.
    ...(options.tls === undefined
      ? {}
      : {
          'grpc.max_connection_age_ms': TLS_CONNECTION_AGE_MS,
          'grpc.max_connection_age_grace_ms': DRAIN_DEADLINE_MS,
        }),
  });
  const closing = new AbortController();
  for (const binding of options.services) {
    const implementation: UntypedServiceImplementation = {};
    for (const method of binding.service.methods) {
      const handler = binding.handlers[method.localName];
      if (!handler) continue;
      const count = (code: number) =>
        requests.add([binding.service.typeName, method.name, status[code] ?? String(code)]);
      const input = (request: Buffer) =>
        // bindService has checked that the handler takes this method's input, decoded or not.
        (binding.rawNames.includes(method.localName) ? request : decode(method.input, request)) as never;
      const output = (message: unknown) => encode(method.output, message as Record<string, unknown>);
      const calls = { count, closing: closing.signal, name: method.name, ...options };
      implementation[method.localName] =
        method.methodKind === 'server_streaming'
          ? streamWith(calls, async function* (request, context) {
              // bindService has checked that the handler of a stream yields its messages.
              const messages = handler(input(request), context) as AsyncIterable<object>;
              for await (const message of messages) yield output(message);
            })
          : answerWith(calls, async (request, context) => output(await handler(input(request), context)));
    }
    server.addService(byteMethods(binding.service), implementation);
  }
  const health = new HealthImplementation({ '': 'SERVING' });
  health.addToServer(server);
  const listener = await listen({ ...options, server });
  return {
    port: listener.port,
    async close() {
      health.setStatus('', 'NOT_SERVING');
      closing.abort();
      listener.close();
      const drained = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const deadline = setTimeout(() => server.forceShutdown(), DRAIN_DEADLINE_MS);
      await drained;
      clearTimeout(deadline);
    },
  };
}

async function listen(options: {
  server: Server;
  host: string;
  port: number;
  tls?: GrpcTls;
  log: Logger;
}): Promise<{ readonly port: number; close(): void }> {
  const { server, host, tls, log } = options;
  warnOfClearText({ tls, addresses: { HOST: host }, log });
  if (tls !== undefined) return listenWithTls({ ...options, tls });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { port, close: () => undefined };
}
