import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { SpanContextText } from '../tracing.ts';
import { type ByteMethod, byteMethods, decode, encode } from './method.ts';
import type { ServiceToken } from './service-token.ts';
import { fromServiceError } from './status.ts';
import { callStream, gaveUp, type StreamOptions } from './stream.ts';
import { channelCredentials, type GrpcTls } from './tls.ts';

/** Largest message between services, in bytes: one above the stream's own limit would be refused there anyway. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** How a call may be bounded and traced. */
export interface CallOptions {
  /** Milliseconds until the call fails with `deadline_exceeded`. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  traceparent?: SpanContextText | undefined;
}

/** Where and how to reach a service. */
export interface GrpcClientOptions {
  /** `host:port`; every address behind the name is used in turn. */
  address: string;
  token: ServiceToken;
  /** Our certificate and whom to trust; without, calls go in clear. */
  tls?: GrpcTls;
  /** Connections that no other client of the process uses: what flows in streams must not stand in the way of calls. */
  ownConnections?: boolean;
}

/** A service's methods, wherever it runs: those of one answer, and those whose answer is a stream, which begins when it is read. */
export type ServiceMethods<Service extends DescService> = {
  [Name in keyof Service['method']]: Service['method'][Name] extends DescMethodUnary<infer In, infer Out>
    ? (request: MessageInitShape<In>, options: CallOptions) => Promise<MessageShape<Out>>
    : Service['method'][Name] extends DescMethodServerStreaming<infer In, infer Out>
      ? (request: MessageInitShape<In>, options: StreamOptions) => AsyncIterable<MessageShape<Out>>
      : never;
};

/** A service's methods over one channel. */
export interface GrpcClient<Service extends DescService> {
  readonly methods: ServiceMethods<Service>;
  /** Calls a method of one answer with a request that is encoded already. */
  raw<Name extends keyof Service['method'] & string>(
    name: Name,
    request: Buffer,
    options: CallOptions,
  ): Promise<Service['method'][Name] extends DescMethodUnary<infer _, infer Out> ? MessageShape<Out> : never>;
  close(): void;
}

/**
 * Opens a channel with client-side round robin: a plain HTTP/2 client would stay on the first pod it finds.
 * Calls fail with MillraceError; a service that can't be reached is `unavailable`.
 */
export function createGrpcClient<Service extends DescService>(
  service: Service,
  options: GrpcClientOptions,
): GrpcClient<Service> {
  const client = new Client(`dns:///${options.address}`, channelCredentials(options.tls), {
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    ...(options.ownConnections ? { 'grpc.use_local_subchannel_pool': 1 } : {}),
  });
  const definitions = byteMethods(service);
  const calls = new Map(
    service.methods.map((method) => {
      const definition = definitions[method.localName];
      if (!definition) throw new TypeError(`no such method: ${method.localName}`);
      const send = async (request: Buffer, callOptions: CallOptions) =>
        decode(method.output, await unary(client, options.token, definition, request, callOptions));
      const stream = async function* (request: Buffer, streamOptions: StreamOptions) {
        const answers = callStream(client, options.token, definition, request, streamOptions);
        for await (const bytes of answers) yield decode(method.output, bytes);
      };
      return [method.localName, { send, stream, method }] as const;
    }),
  );
  const methods = Object.fromEntries(
    [...calls].map(([name, { send, stream, method }]) => [
      name,
      method.methodKind === 'server_streaming'
        ? (request: Record<string, unknown>, streamOptions: StreamOptions) =>
            stream(encode(method.input, request), streamOptions)
        : (request: Record<string, unknown>, callOptions: CallOptions) =>
            send(encode(method.input, request), callOptions),
    ]),
  );
  return {
    // Built from the same descriptor that the type is derived from.
    methods: methods as unknown as ServiceMethods<Service>,
    raw(name, request, callOptions) {
      const call = calls.get(name);
      if (!call) throw new TypeError(`no such method: ${name}`);
      // The descriptor of `name` decodes to that method's output type.
      return call.send(request, callOptions) as never;
    },
    close: () => client.close(),
  };
}

function unary(
  client: Client,
  token: ServiceToken,
  method: ByteMethod,
  request: Buffer,
  options: CallOptions,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // An abort that is over calls no listener.
    if (options.signal?.aborted) return reject(gaveUp());
    const metadata = new Metadata();
    metadata.set('x-millrace-token', token.issue());
    if (options.traceparent !== undefined) metadata.set('traceparent', options.traceparent);
    const sent = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata,
      { deadline: Date.now() + options.timeoutMs },
      (error: ServiceError | null, response?: Buffer) => {
        options.signal?.removeEventListener('abort', cancel);
        if (error) reject(fromServiceError(error));
        else resolve(response ?? Buffer.alloc(0));
      },
    );
    const cancel = () => sent.cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
  });
}
