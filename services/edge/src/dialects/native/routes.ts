import { z } from 'zod';
import type { Grant } from '../../clients/credentials.ts';
import { contextOf, countingRejections } from '../../ingest/decode-context.ts';
import { type Api, type ApiDeps, BATCH_BODY_LIMIT_BYTES } from '../../request/api.ts';
import { isMediaType, requireJson, requireUtf8 } from '../../request/media-type.ts';
import { encodeProblem, PROBLEM_TYPE } from '../../request/problem/encode-problem.ts';
import type { Exchange } from '../../server/exchange.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { decodeJson, decodeLines, MAX_EVENTS } from './decode.ts';
import { type EventVerdict, ingestEvents, itemizedReply } from './ingest-events.ts';
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

const acceptedExample = {
  results: [
    { index: 0, id: 'evt_1', status: 'accepted' },
    { index: 1, id: 'evt_0', status: 'duplicate' },
  ],
  accepted: 1,
  duplicates: 1,
  conflicts: 0,
  invalid: 0,
  unavailable: 0,
};

const mixedExample = {
  results: [
    { index: 0, id: 'evt_1', status: 'accepted' },
    { index: 1, id: '', status: 'invalid', error: { field: 'type', issue: 'Required' } },
  ],
  accepted: 1,
  duplicates: 0,
  conflicts: 0,
  invalid: 1,
  unavailable: 0,
};

const documentation: RouteDocumentation = {
  summary: 'Send events',
  description: `A JSON array, a single event, or NDJSON with an event a line (at most 256 KiB); at most ${MAX_EVENTS} events and 10 MiB, raw and inflated. Every event has its own result: a bad one doesn't spoil its neighbours.`,
  tag: 'Events',
  requestBody: {
    'application/json': z.union([z.array(newEventSchema).min(1).max(MAX_EVENTS), newEventSchema]),
    'application/x-ndjson': z.string().describe('An event a line'),
  },
  responses: {
    202: { description: 'Every event is durable', example: acceptedExample },
    207: { description: 'Some events are durable; see each result', example: mixedExample },
    400: { description: 'The body is not valid, or none of its events is', contentType: PROBLEM_TYPE },
    401: { description: 'No credential, or an unknown one', contentType: PROBLEM_TYPE },
    403: { description: 'The credential lacks `events:write`', contentType: PROBLEM_TYPE },
    409: {
      description: 'Other events were accepted before under all of these ids',
      contentType: PROBLEM_TYPE,
    },
    413: { description: 'The body is too large', contentType: PROBLEM_TYPE },
    415: { description: 'The body is neither JSON nor NDJSON', contentType: PROBLEM_TYPE },
    503: { description: 'Nothing is known to be stored: send it again', contentType: PROBLEM_TYPE },
  },
};
