import { once } from 'node:events';
import { createServer } from 'node:http';

/** A span as far as a test looks at it. */
export interface ReceivedSpan {
  readonly service: string;
  /** Of the process that sent it. */
  readonly pid: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** Texts and numbers, as texts. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** A server that takes traces by OTLP over HTTP, in JSON. */
export interface TraceReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** All that came so far. */
  spans(): readonly ReceivedSpan[];
  stop(): Promise<void>;
}

type Attributes = readonly { key: string; value: { stringValue?: string; intValue?: number | string } }[];

/** The part of an `ExportTraceServiceRequest` that is read. */
interface ExportRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: Attributes };
    readonly scopeSpans?: readonly {
      readonly spans?: readonly {
        name: string;
        traceId: string;
        spanId: string;
        parentSpanId?: string;
        attributes?: Attributes;
      }[];
    }[];
  }[];
}

/** Starts a receiver on a free port of loopback. */
export async function startTraceReceiver(): Promise<TraceReceiver> {
  const received: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      // OTLP fixes the shape; a member that is missing reads as absent.
      const body = JSON.parse(Buffer.concat(chunks).toString()) as ExportRequest;
      received.push(...spansOf(body));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans: () => received,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function spansOf({ resourceSpans = [] }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const { 'service.name': service = '', 'process.pid': pid = '' } = textsOf(resource?.attributes);
    return scopeSpans.flatMap(({ spans = [] }) =>
      spans.map(({ name, traceId, spanId, parentSpanId = '', attributes }) => ({
        ...{ service, pid, name, traceId, spanId, parentSpanId },
        attributes: textsOf(attributes),
      })),
    );
  });
}

function textsOf(attributes: Attributes = []): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(value.stringValue ?? value.intValue ?? '')]),
  );
}
