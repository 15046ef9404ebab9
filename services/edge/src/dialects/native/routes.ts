import { z } from 'zod';
import type { Grant } from '../../clients/credentials.ts';
import { contextOf, countingRejections } from '../../ingest/decode-context.ts';
import { type Api, type ApiDeps, BATCH_BODY_LIMIT_BYTES } from '../../request/api.ts';
import { isMediaType, requireJson, requireUtf8 } from '../../request/media-type.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { decodeJson, decodeLines, MAX_EVENTS } from './decode.ts';
import { type EventVerdict, ITEMIZED_RESPONSES, ingestEvents, itemizedReply } from './ingest-events.ts';
import { newEventSchema } from './new-event.ts';

const ACCESS: AccessRule = { places: ['apiKey', 'bearer', 'beacon'], anyOf: ['events:write'] };
/** The names that NDJSON goes by. */
const LINE_TYPES = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
];

/** Our own REST API for events; its Connect and gRPC form is `millrace.api.v1.EventService`. */
export const nativeDialect: Api = {
  name: 'native',
  routes: (deps) => [
    {
      method: 'POST',
      path: '/v1/ingest',
      access: ACCESS,
      documentation,
      handle: (exchange, grant) => handle(exchange, grant, deps),
      encodeFailure: encodeProblem,
    },
  ],
};

async function handle(exchange: Exchange, grant: Grant, deps: ApiDeps): Promise<void> {
  const contentType = exchange.header('content-type') ?? '';
  const isLines = LINE_TYPES.some((type) => isMediaType(contentType, type));
  if (isLines) requireUtf8(contentType);
  else requireJson(exchange);
  const context = contextOf(exchange, grant, deps);
  const body = await exchange.body(BATCH_BODY_LIMIT_BYTES);
  const checked = countingRejections(deps, 'native', () =>
    isLines ? decodeLines(body, context) : decodeJson(body, context),
  );
  for (const one of checked) if (one.kind === 'invalid') deps.countRejected('native', 'invalid');
  const verdicts = await ingestEvents(checked, deps.events, exchange.traceparent);
  exchange.reply(itemizedReply(verdicts.map(toItem)));
}

function toItem(verdict: EventVerdict, index: number) {
  return { index, ...verdict };
}

const documentation: RouteDocumentation = {
  summary: 'Send events',
  description: `A JSON array, a single event, or NDJSON with an event a line (at most 256 KiB); at most ${MAX_EVENTS} events and 10 MiB, raw and inflated. Every event has its own result: a bad one doesn't spoil its neighbours.`,
  tag: 'Events',
  requestBody: {
    'application/json': z.union([z.array(newEventSchema).min(1).max(MAX_EVENTS), newEventSchema]),
    'application/x-ndjson': z.string().describe('An event a line'),
  },
  responses: ITEMIZED_RESPONSES,
  errors: problem,
  failures: [
    { kind: 'too_large', limitBytes: BATCH_BODY_LIMIT_BYTES },
    {
      kind: 'unsupported_media_type',
      message: 'Content-Type must be application/json',
      description: 'The body is neither JSON nor NDJSON',
    },
  ],
};
