import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { z } from 'zod';
import { inertDeps } from '../../../test/inert-deps.ts';
import type { ApiDeps } from '../../request/api.ts';
import { createRoutes } from '../../routes.ts';
import { buildOpenApi } from './build-document.ts';
import { jsonSchema } from './components.ts';

const up = async () => 'up' as const;
const INFO = { title: '', version: '', description: '' };

interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Operation {
  readonly name: string;
  readonly responses: Readonly<Record<string, { $ref?: string; content?: Record<string, Media> }>>;
}

function documentOf(deps: ApiDeps = inertDeps) {
  const routes = createRoutes(deps, {
    probes: { clickhouse: up, nats: up, redis: undefined },
    isReady: () => true,
    clock: deps.clock,
  });
  // As a client gets it.
  const document = JSON.parse(JSON.stringify(buildOpenApi({ routes, unrouted: [] }, INFO)));
  const operations = new Map<string, Operation>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(Object(methods))) {
      const name = `${method.toUpperCase()} ${path}`;
      operations.set(name, { name, responses: Object(operation).responses });
    }
  }
  return { document, operations };
}

const { document, operations } = documentOf();

function statusesOf(name: string): number[] {
  const operation = operations.get(name);
  assert.ok(operation, name);
  return Object.keys(operation.responses).map(Number);
}

describe('responses', () => {
  test('every body has a schema, and every example is what its schema describes', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(document, 'document', false, false);
    let checked = 0;
    for (const { name, responses } of operations.values()) {
      for (const [status, { content = {} }] of Object.entries(responses)) {
        for (const [type, { schema, example, examples = {} }] of Object.entries(content)) {
          assert.ok(schema, `${name} ${status} ${type} has no schema`);
          const path = name.split(' ');
          const pointer = ['paths', path[1], path[0]?.toLowerCase(), 'responses', status, 'content', type];
          const escaped = pointer.map((part) =>
            encodeURIComponent((part ?? '').replaceAll('~', '~0').replaceAll('/', '~1')),
          );
          const validate = ajv.compile({ $ref: `document#/${escaped.join('/')}/schema` });
          const values = Object.values(examples).map(({ value }) => value);
          for (const value of example === undefined ? values : [example, ...values]) {
            checked++;
            const where = `${name} ${status} ${type}: ${JSON.stringify(value)}`;
            assert.ok(validate(value), `${where}: ${ajv.errorsText(validate.errors)}`);
          }
        }
      }
    }
    assert.ok(checked > 300, `only ${checked} examples`);
  });

  test('the statuses of a route come from its access, its body and its query', () => {
    const everywhere = [417, 431];
    const guarded = [401, 429, 500, 503];
    const body = [400, 408, 413, 415];
    const sorted = (...numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);
    const expected: Readonly<Record<string, readonly number[]>> = {
      'POST /v1/ingest': [202, 207, 403, 409, ...body, ...guarded],
      'POST /api/external-event/{workspaceId}': [201, 403, 409, ...body, ...guarded],
      // 409 of the workflow API alone.
      'POST /api/v1/events': [200, 202, 403, 409, ...body, ...guarded],
      // Its document knows no 403.
      'POST /email': [200, ...body, ...guarded],
      'GET /api/v1/events/stats': [200, 403, ...guarded],
      'GET /v1/audit': [200, 400, 403, ...guarded],
      'POST /webhooks': [201, 403, 409, ...body, ...guarded],
      'POST /webhooks/trigger': [202, 403, 409, ...body, ...guarded],
      'GET /webhooks/{id}/deliveries': [200, 400, 403, 404, ...guarded],
      'DELETE /v1/triggers/{id}': [204, 403, 404, ...guarded],
      // Limited by address, and nobody is asked for a credential.
      'POST /api/auth/request-code': [200, 429, 500, 503, ...body],
      'GET /api/auth/me': [200, ...guarded],
      'GET /api/live': [200],
      'GET /api/ready': [200, 503],
    };
    for (const [name, statuses] of Object.entries(expected)) {
      assert.deepEqual(sorted(...statusesOf(name)), sorted(...statuses, ...everywhere), name);
    }
  });

  test('each shape of errors is one component', () => {
    const names = [
      'AnalyticsError',
      'ChatbotError',
      'EmailError',
      'ExternalEventError',
      'GraphqlRefusal',
      'Problem',
      'SignInError',
      'WorkflowError',
    ];
    for (const name of names) assert.ok(name in document.components.schemas, name);
    const shown = operations.get('GET /v1/audit')?.responses[401]?.content?.['application/problem+json'];
    assert.deepEqual(shown?.schema, { $ref: '#/components/schemas/Problem' });
  });

  test('where e-mail failures are told by 200, the document says so', () => {
    const settings = { ...inertDeps.settings, emailCompatAlways200: true };
    const { responses } = documentOf({ ...inertDeps, settings }).operations.get('POST /email') ?? {};
    assert.deepEqual(Object.keys(responses ?? {}).map(Number), [200, 417, 431]);
    assert.deepEqual(responses?.[200]?.content?.['application/json']?.schema, {
      anyOf: [{ $ref: '#/components/schemas/EmailStored' }, { $ref: '#/components/schemas/EmailError' }],
    });
  });
});

test('two different schemas of one name are an error', () => {
  const components = {};
  const named = (shape: z.ZodType) => z.object({ inner: shape });
  jsonSchema(named(z.string().meta({ id: 'Twice' })), 'output', components);
  assert.throws(
    () => jsonSchema(named(z.number().meta({ id: 'Twice' })), 'output', components),
    /two schemas are called Twice/,
  );
});
