import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { EndpointSchema } from '@millrace/contracts/millrace/api/v1/webhook';
import { MillraceError } from '@millrace/runtime';
import { readSettings, readTarget, type TargetRules } from './endpoint-rules.ts';

type Init = MessageInitShape<typeof EndpointSchema>;

const allows: TargetRules = {
  url: (url) => (url.startsWith('https://') ? { url } : { issue: 'must begin with https://' }),
  temporal: { namespace: (name) => (name === 'default' ? undefined : 'is not for triggers') },
};
const read = (init: Init) => {
  const endpoint = create(EndpointSchema, {
    events: ['*'],
    target: { case: 'http', value: { url: 'https://example.com/hook' } },
    ...init,
  });
  return { ...readSettings(endpoint), target: readTarget(endpoint, allows) };
};
const fieldOf = (init: Init): string | undefined => {
  try {
    read(init);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof MillraceError && error.code === 'invalid_argument', String(error));
    return error.details[0]?.field;
  }
};
const http = (value: { url?: string; headers?: Record<string, string> }): Init => ({
  target: { case: 'http', value: { url: 'https://example.com', ...value } },
});
const temporal = { namespace: 'default', taskQueue: 'queue', workflowType: 'type' };

test('what nobody says is set to what is safe', () => {
  assert.deepEqual(read({}), {
    ...{ events: ['*'], description: '', rateLimit: 0, maxInFlight: 10, ordered: false },
    retryPolicy: { kind: 'fast' },
    target: { kind: 'http', url: 'https://example.com/hook', headers: {}, signature: 'hmac-sha256' },
  });
});

const refused: Record<string, [Init, string]> = {
  'no events': [{ events: [] }, 'events'],
  'a pattern in the middle': [{ events: ['a', 'b*c'] }, 'events[1]'],
  'a filter on no field': [
    { filter: { condition: { case: 'comparison', value: { field: 'nothing' } } } },
    'filter.comparison.field',
  ],
  'a long description': [{ description: 'x'.repeat(501) }, 'description'],
  'a negative rate': [{ rateLimit: -1 }, 'rate_limit'],
  'a rate that is no number': [{ rateLimit: Number.NaN }, 'rate_limit'],
  'a rate of less than one in a quarter of an hour': [{ rateLimit: 0.0005 }, 'rate_limit'],
  'a rate without end': [{ rateLimit: Number.POSITIVE_INFINITY }, 'rate_limit'],
  'too many at once': [{ maxInFlight: 101 }, 'max_in_flight'],
  'a long wait': [
    { retryPolicy: { schedule: { case: 'custom', value: { delays: [durationFromMs(86_400_001)] } } } },
    'retry_policy.custom.delays[0]',
  ],
  'no target': [{ target: { case: undefined } }, 'target'],
  'a URL that is not allowed': [http({ url: 'http://example.com' }), 'http.url'],
  'a header of delivery’s own': [http({ headers: { 'Webhook-Id': 'x' } }), 'http.headers.Webhook-Id'],
  'a header that frames': [http({ headers: { 'content-length': '3' } }), 'http.headers.content-length'],
  'a header with a line in its value': [http({ headers: { 'x-a': 'b\r\nx-c: d' } }), 'http.headers.x-a'],
  'a header with a line in its name': [http({ headers: { 'x-a\r\nx-b': 'c' } }), 'http.headers'],
  'a header with letters beyond ASCII': [http({ headers: { 'x-a': 'é' } }), 'http.headers.x-a'],
  'a header twice': [http({ headers: { 'x-a': '1', 'X-A': '2' } }), 'http.headers.X-A'],
  'too many headers': [
    http({ headers: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, 'v'])) }),
    'http.headers',
  ],
  'a workflow without a queue': [
    { target: { case: 'temporal', value: { ...temporal, taskQueue: '' } } },
    'temporal.task_queue',
  ],
  'a workflow named by nothing': [
    { target: { case: 'temporal', value: { ...temporal, workflowIdPath: 'other.x' } } },
    'temporal.workflow_id_path',
  ],
  'a path that can not be read': [
    { target: { case: 'temporal', value: { ...temporal, workflowIdPath: 'payload.a..b' } } },
    'temporal.workflow_id_path',
  ],
  'a namespace that is not for triggers': [
    { target: { case: 'temporal', value: { ...temporal, namespace: 'other' } } },
    'temporal.namespace',
  ],
  'a queue that is two subjects': [{ target: { case: 'nats', value: { queue: 'a.b' } } }, 'nats.queue'],
  'a queue for everything': [{ target: { case: 'nats', value: { queue: '*' } } }, 'nats.queue'],
};
for (const [what, [init, field]] of Object.entries(refused)) {
  test(`${what} is refused by its name`, () => assert.equal(fieldOf(init), field));
}

test('a workflow is refused where there is no Temporal server', () => {
  const endpoint = create(EndpointSchema, { target: { case: 'temporal', value: temporal } });
  assert.throws(() => readTarget(endpoint, { ...allows, temporal: undefined }), {
    code: 'invalid_argument',
    message: 'temporal: can not be: this installation has no Temporal server',
  });
  assert.equal(readTarget(endpoint, allows).kind, 'temporal');
});
