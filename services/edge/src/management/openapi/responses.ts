import { z } from 'zod';
import type { ResponseDocumentation, Route } from '../../server/route.ts';
import { type Components, jsonSchema } from './components.ts';
import { possibleFailures } from './possible-failures.ts';

/** What is said of one status: by the handler, by the encoder of failures, or by both. */
interface Status {
  readonly descriptions: Set<string>;
  readonly media: Map<string, Medium>;
}

interface Medium {
  readonly schemas: Set<z.ZodType>;
  readonly examples: Map<string, unknown>;
}

const JSON_TYPE = 'application/json';

/** A file's bytes. */
const FILE = z.string();

/** What a status means wherever its route doesn't say more. */
const MEANINGS: Readonly<Record<number, string>> = {
  400: 'The request is not valid',
  401: 'No credential, an unknown one, or not the kind that is asked for',
  403: 'The credential may not do this',
  404: 'There is no such thing in the workspace of the credential',
  408: 'The body did not arrive in time',
  409: 'It contradicts what is there',
  413: 'The body is too large, as sent or inflated',
  415: 'The body has another type, charset or encoding than is taken',
  429: 'Too many requests; see `Retry-After`',
  500: 'Internal server error',
  503: 'Not available now; see `Retry-After`',
};

/** Every answer of a route by status: those of its handler, and those of what may go wrong before and in it. */
export function responsesOf(route: Route, components: Components): Record<string, unknown> {
  const statuses = new Map<number, Status>();
  const { responses, errors, encoders = [route.encodeFailure] } = route.documentation;
  for (const [status, response] of Object.entries(responses)) {
    addResponse(statusOf(statuses, Number(status)), response);
  }
  for (const { description, ...failure } of possibleFailures(route)) {
    for (const encode of encoders) {
      const { status, body, headers = [] } = encode(failure);
      const said = statusOf(statuses, status);
      if (description !== undefined) said.descriptions.add(description);
      const at = headers.indexOf('content-type');
      const medium = mediumOf(said, at === -1 ? JSON_TYPE : (headers[at + 1] ?? JSON_TYPE));
      medium.schemas.add(errors);
      addExample(medium, failure.kind, JSON.parse(body));
    }
  }
  return Object.fromEntries(
    [...statuses].map(([status, said]) => [String(status), toResponse(status, said, components)]),
  );
}

function addResponse(said: Status, response: ResponseDocumentation): void {
  const { description, schema, example, contentTypes = [JSON_TYPE], files = [] } = response;
  said.descriptions.add(description);
  for (const type of files) mediumOf(said, type).schemas.add(FILE);
  if (schema === undefined) return;
  for (const type of contentTypes) {
    const medium = mediumOf(said, type);
    medium.schemas.add(schema);
    if (example !== undefined) addExample(medium, 'answer', example);
  }
}

function addExample({ examples }: Medium, name: string, value: unknown): void {
  let unused = name;
  for (let n = 2; examples.has(unused); n++) unused = `${name}_${n}`;
  examples.set(unused, value);
}

function statusOf(statuses: Map<number, Status>, status: number): Status {
  const known = statuses.get(status) ?? { descriptions: new Set(), media: new Map() };
  statuses.set(status, known);
  return known;
}

function mediumOf({ media }: Status, type: string): Medium {
  const known = media.get(type) ?? { schemas: new Set(), examples: new Map() };
  media.set(type, known);
  return known;
}

function toResponse(status: number, { descriptions, media }: Status, components: Components): unknown {
  const description = [...descriptions].join('. ') || MEANINGS[status] || String(status);
  if (media.size === 0) return { description };
  const content = [...media].map(([type, medium]) => [type, toMediaType(medium, components)]);
  return { description, content: Object.fromEntries(content) };
}

function toMediaType({ schemas, examples }: Medium, components: Components): unknown {
  const [only, ...others] = [...schemas];
  const schema = jsonSchema(others.length === 0 && only ? only : z.union([...schemas]), 'output', components);
  const [first] = [...examples.values()];
  if (examples.size <= 1) return { schema, ...(examples.size === 1 ? { example: first } : {}) };
  const named = [...examples].map(([name, value]) => [name, { value }]);
  return { schema, examples: Object.fromEntries(named) };
}
