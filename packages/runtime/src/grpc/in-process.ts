import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { MillraceError, toMillraceError } from '../errors.ts';
import type { CallContext } from './answer.ts';
import type { CallOptions, ServiceMethods } from './client.ts';
import type { GrpcServiceBinding } from './server.ts';
import { gaveUp, readStream, type StreamOptions } from './stream.ts';

/** Of a call in process: whoever closes the process ends its streams itself. */
const NEVER = new AbortController().signal;

/**
 * A bound service's methods, called directly: the same shapes, failures and deadlines as over gRPC, without the
 * encoding. What the handler lacks fails with `unimplemented`, as there.
 */
export function callInProcess<Service extends DescService>(
  service: Service,
  binding: GrpcServiceBinding,
): ServiceMethods<Service> {
  if (binding.service.typeName !== service.typeName) {
    throw new TypeError(`a binding of ${binding.service.typeName} can't answer for ${service.typeName}`);
  }
  const methods = Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      method.methodKind === 'server_streaming'
        ? (request: Record<string, unknown>, options: StreamOptions) =>
            readStream(
              (over) => stream(method, binding, request, { traceparent: options.traceparent, signal: over }),
              options,
            )
        : (request: Record<string, unknown>, options: CallOptions) => ask(method, binding, request, options),
    ]),
  );
  // Built from the same descriptor that the type is derived from.
  return methods as unknown as ServiceMethods<Service>;
}

async function ask(
  method: DescMethod,
  binding: GrpcServiceBinding,
  request: Record<string, unknown>,
  options: CallOptions,
): Promise<object> {
  if (options.signal?.aborted) throw gaveUp();
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
  const context = { signal, closing: NEVER, traceparent: options.traceparent };
  try {
    // bindService has checked that the handler answers a promise of this method's output.
    const answer = handle(method, binding, request, context) as Promise<object>;
    return create(method.output, (await endingAt(deadline, signal, answer)) as Record<string, unknown>);
  } catch (error) {
    throw toMillraceError(error);
  }
}

async function* stream(
  method: DescMethod,
  binding: GrpcServiceBinding,
  request: Record<string, unknown>,
  options: Pick<CallContext, 'signal' | 'traceparent'>,
): AsyncGenerator<object> {
  // bindService has checked that the handler yields this method's output.
  const answers = handle(method, binding, request, { closing: NEVER, ...options }) as AsyncIterable<object>;
  for await (const answer of answers) yield create(method.output, answer as Record<string, unknown>);
}

function handle(
  method: DescMethod,
  binding: GrpcServiceBinding,
  request: Record<string, unknown>,
  context: CallContext,
): unknown {
  const handler = binding.handlers[method.localName];
  if (handler === undefined) throw new MillraceError('unimplemented', `${method.name} is not implemented`);
  // bindService has checked that the handler takes this method's input.
  return handler(create(method.input, request) as never, context);
}

function endingAt<T>(deadline: AbortSignal, signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () =>
      reject(deadline.aborted ? new MillraceError('deadline_exceeded', 'no answer in time') : gaveUp());
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    // Listened to in any case: a failure that comes too late is no unhandled one.
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
