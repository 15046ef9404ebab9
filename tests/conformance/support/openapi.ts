import { type HttpAnswer, httpCall } from '@millrace/testkit';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** A request of which the answer is checked. */
export interface Asked {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
}

/** Holds an answer against an OpenAPI document; throws where the document doesn't know of it. */
export type OpenApiCheck = (asked: Asked, answer: Pick<HttpAnswer, 'status' | 'headers' | 'text'>) => void;

interface Template {
  readonly path: string;
  readonly expression: RegExp;
  readonly methods: Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>;
}

interface Unrouted {
  readonly prefix: string;
  readonly contentType: string;
}

const checks = new Map<string, Promise<OpenApiCheck>>();

/** The check against what a stack says of itself, which is asked once. */
export function openApiCheckOf(origin: string): Promise<OpenApiCheck> {
  const known = checks.get(origin);
  if (known) return known;
  const reading = httpCall(`${origin}/openapi.json`, { method: 'GET' }).then((answer) =>
    createOpenApiCheck(answer.json()),
  );
  checks.set(origin, reading);
  // A stack that wasn't there yet is asked again.
  reading.catch(() => checks.delete(origin));
  return reading;
}

/** Paths of the services over Connect, gRPC-Web and gRPC, of which OpenAPI knows nothing. */
const RPC_PATH = /^\/(millrace|grpc)\.[^/]*\//;
/** What is answered where no route is; 429 to who tries the sign-in's paths out. */
const UNROUTED_STATUSES = [404, 405, 429];

/** A check against a document. */
export function createOpenApiCheck(json: unknown): OpenApiCheck {
  const document = Object(json);
  const templates = readTemplates(document.paths);
  const validatorOf = createValidators(document);
  return ({ method, path }, answer) => {
    if (RPC_PATH.test(path)) return;
    const refuse = (why: string): never => {
      const shown = answer.text.slice(0, 500);
      throw new Error(`${method} ${path} answered ${answer.status}, ${why} in /openapi.json: ${shown}`);
    };
    const template = isRoutable(path) ? templates.find(({ expression }) => expression.test(path)) : undefined;
    const name = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = template?.methods[name];
    if (template === undefined || operation === undefined) {
      // A preflight is the browser's question, whatever the route.
      if (method === 'OPTIONS' && answer.status === 204) return;
      if (!UNROUTED_STATUSES.includes(answer.status)) refuse('where there is no such operation');
      const index = longestPrefix(document['x-unrouted'], path);
      const { contentType } = document['x-unrouted'][index];
      holdBody(answer, { [contentType]: ['x-unrouted', String(index), 'schema'] }, { method, refuse });
      return;
    }
    const status = String(answer.status);
    let pointer = ['paths', template.path, name, 'responses', status];
    let response = Object(operation.responses[status] ?? refuse('which is not documented'));
    if (typeof response.$ref === 'string') {
      pointer = response.$ref.slice(2).split('/');
      response = pointer.reduce((value, key) => Object(value)[key], document);
    }
    const types = Object.keys(response.content ?? {});
    const content = Object.fromEntries(types.map((type) => [type, [...pointer, 'content', type, 'schema']]));
    holdBody(answer, content, { method, refuse });
  };

  function holdBody(
    answer: Parameters<OpenApiCheck>[1],
    content: Readonly<Record<string, readonly string[]>>,
    { method, refuse }: { method: string; refuse: (why: string) => never },
  ): void {
    if (Object.keys(content).length === 0) {
      if (answer.text !== '') refuse('with a body, which is not documented');
      return;
    }
    const [type = ''] = (answer.headers['content-type'] ?? '').split(';');
    const pointer = content[type] ?? refuse(`as "${type}", which is not documented`);
    // Lines of JSON are none.
    if (method === 'HEAD' || !/[/+]json$/.test(type)) return;
    const validate = validatorOf(pointer);
    if (validate(JSON.parse(answer.text))) return;
    const faults = (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`.trim(),
    );
    refuse(`with a body of another schema than the documented one (${faults.join('; ')})`);
  }
}

/** No route has a path that can't be decoded. */
function isRoutable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** The templates, so that the first one that matches is the most specific: text comes before parameters. */
function readTemplates(paths: unknown): readonly Template[] {
  const sortable = (path: string) => path.replaceAll(/\{[^}]*\}/g, '\uffff');
  return Object.entries(Object(paths))
    .map(([path, methods]) => ({
      path,
      methods: Object(methods),
      expression: new RegExp(
        `^${path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{[^}]*\}/g, '[^/]+')}/?$`,
      ),
    }))
    .sort((a, b) => (sortable(a.path) < sortable(b.path) ? -1 : 1));
}

function longestPrefix(unrouted: readonly Unrouted[], path: string): number {
  let found = -1;
  for (const [index, { prefix }] of unrouted.entries()) {
    const isBelow = prefix === '' || path === prefix || path.startsWith(`${prefix}/`);
    if (isBelow && prefix.length >= (unrouted[found]?.prefix.length ?? 0)) found = index;
  }
  return found;
}

/** Compiles what is asked for, once. */
function createValidators(document: object): (pointer: readonly string[]) => ValidateFunction {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'document', false, false);
  const compiled = new Map<string, ValidateFunction>();
  return (pointer) => {
    const path = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    const $ref = `document#/${path.join('/')}`;
    const validate = compiled.get($ref) ?? ajv.compile({ $ref });
    compiled.set($ref, validate);
    return validate;
  };
}
