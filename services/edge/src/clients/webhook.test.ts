import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebhookService } from '@millrace/contracts/millrace/webhook/v1/webhook';
import { type CallOptions, MillraceError, type ServiceMethods } from '@millrace/runtime';
import { webhookFrom } from './webhook.ts';

/** Methods that answer with nothing and keep how they were called. */
function recording(called: Map<string, CallOptions>, answer: object) {
  const methods = WebhookService.methods.map(({ localName }) => [
    localName,
    async (_: object, options: CallOptions) => {
      called.set(localName, options);
      return answer;
    },
  ]);
  // Made of the descriptor's own names.
  return Object.fromEntries(methods) as ServiceMethods<typeof WebhookService>;
}

test('every method has its deadline: that of a test is longer than a call of an endpoint may take', async () => {
  const called = new Map<string, CallOptions>();
  const gateway = webhookFrom(recording(called, { response: {} }));
  for (const ask of Object.values(gateway)) await ask({}, {});
  const deadlines = Object.fromEntries([...called].map(([name, { timeoutMs }]) => [name, timeoutMs]));
  const names = WebhookService.methods.map(({ localName }) => localName);
  assert.deepEqual(
    deadlines,
    Object.fromEntries(names.map((name) => [name, name === 'testEndpoint' ? 15_000 : 5_000])),
  );
});

test('an answer without the public API’s is no answer', async () => {
  const gateway = webhookFrom(recording(new Map(), {}));
  for (const ask of Object.values(gateway)) {
    await assert.rejects(ask({}, {}), (error) => error instanceof MillraceError && error.code === 'internal');
  }
});
