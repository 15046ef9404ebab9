import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { EventService, IngestStreamRequestSchema } from '@millrace/contracts/millrace/api/v1/event';
import { createLogger } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
import { HANGING_TYPE, type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';

const logged: string[] = [];
const spans: unknown[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);

let bench: RpcBench;
let begun: () => void = () => undefined;
before(async () => {
  process.on('unhandledRejection', onUnhandled);
  const destination = { write: (line: string) => void logged.push(line) };
  const unused = () => Promise.reject(new Error('not used'));
  bench = await startRpcBench({
    log: createLogger({ service: 'edge', level: 'warn', destination }),
    tracing: {
      enabled: true,
      start: () => ({
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        end: (error) => void spans.push(error),
      }),
      close: async () => undefined,
    },
    events: {
      submit: unused,
      submitAll: unused,
      async submitEach(batch) {
        begun();
        if (batch[0]?.eventType === HANGING_TYPE) await new Promise(() => undefined);
        return batch.map(({ eventId }) => ({ kind: 'accepted' as const, eventId }));
      },
    },
  });
});
beforeEach(() => {
  logged.length = 0;
  spans.length = 0;
  bench.calls.length = 0;
});
after(async () => {
  await bench.close();
  process.off('unhandledRejection', onUnhandled);
});

/** Cancels a call once the store has been asked, and waits until it is counted. */
async function cancelled(call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  const asked = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const result = call(controller.signal).catch((thrown: unknown) => ConnectError.from(thrown).code);
  await asked;
  controller.abort();
  assert.equal(await result, Code.Canceled);
  await eventually(() => assert.notEqual(bench.calls.length, 0));
  // Whatever else the end of the call sets off.
  await new Promise((resolve) => setTimeout(resolve, 20));
}

for (const name of Object.keys(transportsTo('http://unused'))) {
  const client = () => createClient(EventService, transportsTo(bench.url)[name] ?? assert.fail());
  const headers = { 'x-api-key': 'writer' };

  test(`${name}: a call that its client cancels is counted, and its span ends`, async () => {
    await cancelled((signal) => client().ingest({ events: [{ type: HANGING_TYPE }] }, { headers, signal }));
    assert.deepEqual(bench.calls, ['millrace.api.v1.EventService Ingest CANCELED']);
    assert.deepEqual(spans, ['CANCELED']);
    assert.deepEqual(logged, []);
    assert.deepEqual(unhandled, []);
  });

  for (const type of ['t', HANGING_TYPE]) {
    test(`${name}: so is a stream (${type})`, async () => {
      async function* messages() {
        yield create(IngestStreamRequestSchema, { events: [{ type }] });
        await new Promise((resolve) => setTimeout(resolve, 30_000).unref());
      }
      await cancelled((signal) => client().ingestStream(messages(), { headers, signal }));
      assert.deepEqual(bench.calls, ['millrace.api.v1.EventService IngestStream CANCELED']);
      assert.deepEqual(spans, ['CANCELED']);
      assert.deepEqual(logged, []);
      assert.deepEqual(unhandled, []);
    });
  }
}
