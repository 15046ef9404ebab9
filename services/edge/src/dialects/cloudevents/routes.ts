import { z } from 'zod';
import type { Grant } from '../../clients/credentials.ts';
import {
  contextOf,
  countingRejections,
  type DecodeContext,
  requireStored,
} from '../../ingest/decode-context.ts';
import { type Api, type ApiDeps, BATCH_BODY_LIMIT_BYTES, BODY_LIMIT_BYTES } from '../../request/api.ts';
import { isMediaType, requireUtf8 } from '../../request/media-type.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import { jsonReply } from '../../request/response.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { eventResults, ITEMIZED_RESPONSES, ingestEvents, itemizedReply } from '../native/ingest-events.ts';
import { cloudEventSchema } from './cloud-event.ts';
import { decodeBinary, isBinary } from './decode-binary.ts';
import { decodeBatch, decodeStructured, MAX_BATCH_EVENTS } from './decode-structured.ts';

const STRUCTURED = 'application/cloudevents+json';
/** The XML and Protobuf formats, among others. */
const OTHER_FORMAT = /^application\/cloudevents/i;
const BATCHED = 'application/cloudevents-batch+json';
const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['events:write'] };

/** CloudEvents 1.0 over HTTP, in all three content modes. */
export const cloudEventsDialect: Api = {
  name: 'cloudevents',
  routes: (deps) => [
    {
      method: 'POST',
      path: '/cloudevents',
      access: ACCESS,
      documentation,
      handle: (exchange, grant) => handle(exchange, grant, deps),
      encodeFailure: encodeProblem,
    },
  ],
};

async function handle(exchange: Exchange, grant: Grant, deps: ApiDeps): Promise<void> {
  const context = contextOf(exchange, grant, deps);
  const contentType = exchange.header('content-type') ?? '';
  const isBatch = isMediaType(contentType, BATCHED);
  const isStructured = isMediaType(contentType, STRUCTURED);
  // In binary mode the type is that of the data, which may be anything.
  if (isBatch || isStructured) requireUtf8(contentType);
  if (isBatch) return takeBatch(exchange, deps, context);
  const { headers } = exchange.request;
  if (!isStructured && (OTHER_FORMAT.test(contentType) || !isBinary(headers))) {
    const message = `Content-Type must be ${STRUCTURED} or ${BATCHED}, or attributes must be in ce-* headers`;
    throw new RequestFailure({ kind: 'unsupported_media_type', message });
  }
  const body = await exchange.body(BODY_LIMIT_BYTES);
  const event = countingRejections(deps, 'cloudevents', () =>
    isStructured ? decodeStructured(body, context) : decodeBinary(headers, body, context),
  );
  const outcome = requireStored(await deps.events.submit(event, exchange.traceparent));
  if (outcome.kind === 'conflict') throw new RequestFailure({ kind: 'conflict', eventId: outcome.eventId });
  const { eventId: id, source } = event;
  exchange.reply(
    outcome.kind === 'accepted'
      ? jsonReply(cloudEventAccepted, 202, { id, source, status: outcome.kind })
      : jsonReply(cloudEventDuplicate, 200, { id, source, status: outcome.kind }),
  );
}

async function takeBatch(exchange: Exchange, deps: ApiDeps, context: DecodeContext): Promise<void> {
  const body = await exchange.body(BATCH_BODY_LIMIT_BYTES);
  const checked = countingRejections(deps, 'cloudevents', () => decodeBatch(body, context));
  for (const one of checked) if (one.kind === 'invalid') deps.countRejected('cloudevents', 'invalid');
  const verdicts = await ingestEvents(checked, deps.events, exchange.traceparent);
  exchange.reply(itemizedReply(verdicts.map((verdict, index) => ({ index, ...verdict }))));
}

const identity = { id: z.string(), source: z.string() };
const cloudEventAccepted = z
  .strictObject({ ...identity, status: z.literal('accepted') })
  .meta({ id: 'CloudEventAccepted' });
const cloudEventDuplicate = z
  .strictObject({ ...identity, status: z.literal('duplicate') })
  .meta({ id: 'CloudEventDuplicate' });

const example = { id: 'A234-1234-1234', source: '/mycontext', status: 'accepted' };

const documentation: RouteDocumentation = {
  summary: 'Send CloudEvents',
  description: `The CloudEvents 1.0 HTTP binding: structured, batched (at most ${MAX_BATCH_EVENTS} events, each with its own result), or binary, with attributes in percent-encoded \`ce-*\` headers and data of any type in the body. \`source\` and \`id\` together make a retry safe.`,
  tag: 'CloudEvents',
  requestBody: {
    [STRUCTURED]: cloudEventSchema,
    [BATCHED]: z.array(cloudEventSchema).max(MAX_BATCH_EVENTS),
    '*/*': z.unknown().describe('The data of the binary mode'),
  },
  responses: {
    ...ITEMIZED_RESPONSES,
    200: {
      description: 'The event had been accepted before',
      schema: cloudEventDuplicate,
      example: { ...example, status: 'duplicate' },
    },
    202: {
      description: 'The event is durable, or every event of the batch',
      schema: z.union([cloudEventAccepted, eventResults]),
      example,
    },
  },
  errors: problem,
  failures: [
    {
      kind: 'conflict',
      eventId: 'A234-1234-1234',
      description: 'Another event was accepted before under this source and id',
    },
    {
      kind: 'unsupported_media_type',
      message: `Content-Type must be ${STRUCTURED} or ${BATCHED}, or attributes must be in ce-* headers`,
      description: 'Not a CloudEvent',
    },
  ],
};
