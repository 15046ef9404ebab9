import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { BadRequestSchema } from '@millrace/contracts/google/rpc/error_details';
import { TailEnd as SaidEnd, TailGap as SaidGap } from '@millrace/contracts/millrace/analytics/v1/analytics';
import { AnalyticsService } from '@millrace/contracts/millrace/api/v1/analytics';
import { TailEnd, type TailEventsResponse, TailGap } from '@millrace/contracts/millrace/api/v1/tail';
import { CredentialKind, Refusal } from '@millrace/contracts/millrace/auth/v1/auth';
import { fieldError, MillraceError } from '@millrace/runtime';
import { type RpcBench, startRpcBench, transportsTo } from '../../test/rpc-harness.ts';
import { type TailDouble, tailDouble } from '../../test/tail.ts';
import type { Verdict } from '../clients/credentials.ts';
import { createSharedEvents } from '../management/tail/shared-events.ts';

const GOOD: Verdict = {
  kind: 'granted',
  credentialId: 'key-1',
  workspaceId: 'workspace-1',
  userId: '',
  permissions: new Set(['events:read']),
  credentialKind: CredentialKind.SECRET_KEY,
  expiresAtMs: undefined,
  rateLimit: undefined,
};
const READER = { headers: { 'x-api-key': 'reader' } };

let verdict: () => Verdict;
let analytics: TailDouble;
const health = { draining: false, ready: true };
let bench: RpcBench;
before(async () => {
  const credentials = { verify: () => verdict() };
  const events = {
    tailEvents: (...args: Parameters<TailDouble['tailEvents']>) => analytics.tailEvents(...args),
  };
  const tail = { events, shared: createSharedEvents(), credentials, health };
  bench = await startRpcBench({ credentials, health, tail });
});
beforeEach(() => {
  analytics = tailDouble();
  verdict = () => GOOD;
  health.draining = false;
});
afterEach(async () => {
  while (analytics.open > 0) await new Promise((resolve) => setImmediate(resolve));
});
after(() => bench.close());

for (const name of Object.keys(transportsTo('http://unused'))) {
  describe(name, () => {
    const open = (request = {}, signal?: AbortSignal) =>
      createClient(AnalyticsService, transportsTo(bench.url)[name] ?? assert.fail()).tailEvents(request, {
        ...READER,
        ...(signal && { signal }),
      });
    const failureOf = async (stream: AsyncIterable<unknown>): Promise<ConnectError> => {
      try {
        for await (const _ of stream);
      } catch (error) {
        return ConnectError.from(error);
      }
      return assert.fail('it did not fail');
    };

    test('a cursor, events, gaps and an end', async () => {
      const told: TailEventsResponse['told'][] = [];
      const cursors: string[] = [];
      analytics.say({ ids: ['a', 'b'] });
      analytics.say({ gap: SaidGap.REPLACED, cursor: 'g' });
      analytics.say({ end: SaidEnd.SLOW_READER, cursor: 'g' });
      for await (const one of open({ types: ['user.*'], userId: 'ada', after: 'c', last: 7 })) {
        told.push(one.told);
        cursors.push(one.cursor);
      }
      assert.deepEqual(cursors, ['begun', 'at-a', 'at-b', 'g', 'g']);
      assert.deepEqual(
        told.map(({ case: kind }) => kind),
        [undefined, 'event', 'event', 'gap', 'end'],
      );
      assert.deepEqual([told[3]?.value, told[4]?.value], [TailGap.REPLACED, TailEnd.SLOW_READER]);
      const event = told[1]?.case === 'event' ? told[1].value : assert.fail();
      assert.deepEqual(
        [event.id, event.type, event.source, event.userId, event.priority, event.labels, event.dialect],
        ['a', 'user.created', '', 'ada', 3, ['a'], 'native'],
      );
      assert.equal(Buffer.from(event.payloadJson).toString(), '{"n": 12345678901234567890}');
      assert.equal(event.occurredAt?.seconds, 1_706_572_800n);
      const question = { workspaceId: 'workspace-1', types: ['user.*'], userId: 'ada', after: 'c', last: 7 };
      assert.deepEqual(analytics.asked, [question]);
    });

    const changes: Record<string, [() => Verdict, Code]> = {
      revoked: [() => ({ kind: 'refused', refusal: Refusal.REVOKED }), Code.Unauthenticated],
      demoted: [() => ({ ...GOOD, permissions: new Set(['events:write']) }), Code.PermissionDenied],
    };
    for (const [change, [later, code]] of Object.entries(changes)) {
      test(`${Code[code]} when its key is ${change}, which it is told of though nothing comes`, async () => {
        const begun = (async function* () {
          for await (const one of open()) {
            verdict = later;
            yield one;
          }
        })();
        assert.equal((await failureOf(begun)).code, code);
      });
    }

    test('an end when the server goes down', async () => {
      const ends: unknown[] = [];
      for await (const { told } of open()) {
        health.draining = true;
        if (told.case === 'end') ends.push(told.value);
      }
      assert.deepEqual(ends, [TailEnd.DRAINING]);
    });

    test('what analytics refuses keeps its code, and names the field', async () => {
      const refusals: [Error, Code][] = [
        [fieldError('after', 'is no cursor'), Code.InvalidArgument],
        [new MillraceError('resource_exhausted', 'too many tails'), Code.ResourceExhausted],
        [new MillraceError('unavailable', 'NATS is away'), Code.Unavailable],
      ];
      for (const [said, code] of refusals) {
        analytics.fail(said);
        const error = await failureOf(open());
        assert.deepEqual([error.code, error.rawMessage], [code, said.message]);
        const [blamed] = error.findDetails(BadRequestSchema);
        assert.equal(blamed?.fieldViolations[0]?.field, code === Code.InvalidArgument ? 'after' : undefined);
      }
    });

    test('who may not is refused', async () => {
      verdict = () => ({ kind: 'refused', refusal: Refusal.UNKNOWN });
      assert.equal((await failureOf(open())).code, Code.Unauthenticated);
      verdict = () => ({ ...GOOD, permissions: new Set(['events:write']) });
      assert.equal((await failureOf(open())).code, Code.PermissionDenied);
      assert.deepEqual(analytics.asked, []);
    });

    test('who leaves is left', async () => {
      const leaving = new AbortController();
      const stream = open({}, leaving.signal);
      const reading = failureOf(
        (async function* () {
          for await (const one of stream) {
            setImmediate(() => leaving.abort());
            yield one;
          }
        })(),
      );
      assert.equal((await reading).code, Code.Canceled);
      while (analytics.open > 0) await new Promise((resolve) => setImmediate(resolve));
    });
  });
}
