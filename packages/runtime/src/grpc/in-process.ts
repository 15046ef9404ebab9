import type { DescService } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { MillraceError, toMillraceError } from '../errors.ts';
import type { CallOptions, UnaryMethods } from './client.ts';
import type { GrpcServiceBinding } from './server.ts';

/**
 * A bound service's methods, called directly: the same shapes, failures and deadlines as over gRPC, without the
 * encoding. What the handler lacks fails with `unimplemented`, as there.
 */
export function callInProcess<Service extends DescService>(
  service: Service,
  binding: GrpcServiceBinding,
): UnaryMethods<Service> {
  if (binding.service.typeName !== service.typeName) {
    throw new TypeError(`a binding of ${binding.service.typeName} can't answer for ${service.typeName}`);
  }
  const methods = Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      async (request: Record<string, unknown>, options: CallOptions) => {
        const handler = binding.handlers[method.localName];
        if (handler === undefined)
          throw new MillraceError('unimplemented', `${method.name} is not implemented`);
        if (options.signal?.aborted) throw gaveUp();
        const deadline = AbortSignal.timeout(options.timeoutMs);
        const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
        try {
          const context = { signal, traceparent: options.traceparent };
          // bindService has checked that the handler takes this method's input and answers its output.
          const answer = handler(create(method.input, request) as never, context);
          return create(method.output, (await endingAt(deadline, signal, answer)) as Record<string, unknown>);
        } catch (error) {
          throw toMillraceError(error);
        }
      },
    ]),
  );
  // Built from the same descriptor that the type is derived from.
  return methods as unknown as UnaryMethods<Service>;
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

function gaveUp(): MillraceError {
  return new MillraceError('canceled', 'the caller gave up');
}
