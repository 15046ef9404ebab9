import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Grant } from '../../clients/credentials.ts';
import type { Api } from '../../request/api.ts';
import { encodeProblem, problem } from '../../request/problem/encode-problem.ts';
import type { Exchange } from '../../server/exchange.ts';
import { RequestFailure } from '../../server/failure.ts';
import { admitAgain } from '../../server/gate.ts';
import type { AccessRule, RouteDocumentation } from '../../server/route.ts';
import { decodeTailQuery, inWordsOf, tailQuery } from './query.ts';
import { encodeFrames, PREAMBLE } from './server-sent-events.ts';
import { showEvents, type TailDeps } from './show-events.ts';

const ACCESS: AccessRule = { places: ['apiKey', 'bearer'], anyOf: ['events:read'] };
const STREAM_TYPE = 'text/event-stream';

/** Events as they arrive; its Connect and gRPC form is `millrace.api.v1.AnalyticsService/TailEvents`. */
export const tailApi: Api = {
  name: 'tail',
  routes: (deps) => [
    {
      method: 'GET',
      path: '/v1/events/tail',
      access: ACCESS,
      documentation,
      handle: (exchange, grant) => handle(exchange, grant, deps.tail),
      encodeFailure: encodeProblem,
    },
  ],
};

async function handle(exchange: Exchange, { workspaceId }: Grant, deps: TailDeps): Promise<void> {
  const { request, response } = exchange;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const shown = showEvents(decodeTailQuery(exchange, workspaceId), {
    tail: deps,
    refusal: () => refusalOf(admitAgain(exchange, deps, ACCESS)),
    signal: gone.signal,
  });
  const first = await shown.next().catch((error: unknown) => {
    throw inWordsOf(exchange, error);
  });
  if (first.done) return;
  exchange.begin(200, ['content-type', STREAM_TYPE, 'cache-control', 'no-store', 'x-accel-buffering', 'no']);
  if (request.method === 'HEAD') {
    await shown.return(undefined);
    response.end();
    return;
  }
  try {
    await write(response, PREAMBLE);
    await write(response, encodeFrames(first.value));
    for await (const one of shown) await write(response, encodeFrames(one));
  } finally {
    response.end();
  }
}

async function refusalOf(
  admitted: Promise<Grant>,
): Promise<'unauthenticated' | 'permission_denied' | undefined> {
  try {
    await admitted;
    return undefined;
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    return error.failure.kind === 'forbidden' ? 'permission_denied' : 'unauthenticated';
  }
}

/** Resolves when the client has taken what was written, or has gone. */
async function write(response: Exchange['response'], frames: string | Buffer): Promise<void> {
  // Both classes take both; their types only share no call.
  if (response.destroyed || (response as ServerResponse).write(frames)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

const example = `retry: 1000

: still here
id: bTFhMmIuMWYuMA

id: bTFhMmIuMWcuMA
event: event
data: {"id":"evt_1","type":"user.created","source":null,"userId":"user_1","sessionId":null,"occurredAt":"2024-01-30T12:34:56.789Z","receivedAt":"2024-01-30T12:34:56.801Z","priority":1,"labels":[],"dialect":"native","payload":{"plan":"pro"},"metadata":{}}

id: bTFhMmIuMWcuMA
event: end
data: {"reason":"draining","cursor":"bTFhMmIuMWcuMA"}

`;

const documentation: RouteDocumentation = {
  summary: 'Watch events arrive',
  description:
    'Needs `events:read`. Server-sent events: `event` for each event, `gap` where some may be missing, `end` with the reason when nothing follows. The header `Last-Event-ID`, or `after`, resumes behind an id.',
  tag: 'Events',
  query: tailQuery,
  responses: {
    200: {
      description: 'The events, for as long as the client takes them',
      schema: z.string(),
      example,
      contentTypes: [STREAM_TYPE],
    },
  },
  errors: problem,
  failures: [
    {
      kind: 'invalid',
      issues: [{ code: 'custom', path: ['last'], message: 'must be 1 to 1000' }],
      description: 'A parameter or `Last-Event-ID` is not valid; the problem names it',
    },
    { kind: 'forbidden', permission: 'events:read', description: 'The credential lacks `events:read`' },
    {
      kind: 'rate_limited',
      retryAfterSeconds: 1,
      description: 'The credential’s limit, or too many tails of the workspace; see `Retry-After`',
    },
    { kind: 'unavailable', retryAfterSeconds: 1 },
  ],
};
