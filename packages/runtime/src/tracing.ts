import {
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Logger } from './logger.ts';

/** A W3C `traceparent`: how a span travels in HTTP headers, gRPC metadata, NATS headers and envelopes. */
export type SpanContextText = string;

/** A span that is under way. */
export interface OpenSpan {
  readonly traceparent: SpanContextText;
  /** `attributes` are what is known only at the end. */
  end(failure?: unknown, attributes?: Record<string, string | number>): void;
}

/** Starts spans whose parent is named explicitly; costs nothing while `enabled` is false. */
export interface Tracing {
  readonly enabled: boolean;
  /** `undefined` when off or when the parent was not sampled. */
  start(
    name: string,
    options: {
      kind: 'server' | 'client' | 'producer' | 'consumer';
      parent?: SpanContextText | undefined;
      attributes?: Record<string, string | number>;
    },
  ): OpenSpan | undefined;
  close(): Promise<void>;
}

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Loads the OpenTelemetry SDK only when an endpoint is set: it costs memory and start-up time. */
export async function startTracing(options: {
  service: string;
  endpoint: string | undefined;
  log: Logger;
}): Promise<Tracing> {
  if (options.endpoint === undefined) {
    return { enabled: false, start: () => undefined, close: async () => undefined };
  }
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const sdk = new NodeSDK({
    serviceName: `millrace-${options.service}`,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  options.log.info({ endpoint: new URL(options.endpoint).host }, 'tracing started');
  const tracer = trace.getTracer('millrace');
  return {
    enabled: true,
    start: (name, span) => openSpan(tracer, name, span),
    close: () => sdk.shutdown(),
  };
}

function openSpan(
  tracer: Tracer,
  name: string,
  options: Parameters<Tracing['start']>[1],
): OpenSpan | undefined {
  const span = tracer.startSpan(
    name,
    { kind: KINDS[options.kind], attributes: options.attributes ?? {} },
    parentContext(options.parent),
  );
  if (!span.isRecording()) return undefined;
  return {
    traceparent: toTraceparent(span),
    end(failure, attributes = {}) {
      span.setAttributes(attributes);
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: String(failure) });
      span.end();
    },
  };
}

function parentContext(traceparent: string | undefined) {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  const [, traceId, spanId, flags] = match ?? [];
  if (!traceId || !spanId || !flags) return context.active();
  return trace.setSpanContext(context.active(), {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  });
}

function toTraceparent(span: Span): SpanContextText {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** The trace id of a `traceparent`, or undefined when it isn't one. */
export function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent)?.[1];
}
