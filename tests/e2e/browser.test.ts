import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { EventStatus } from '@millrace/contracts/millrace/api/v1/event';
import { onStandalone } from '@millrace/testkit';
import { findEvents, settle, storedEvent } from '../conformance/support/stored-events.ts';
import { serveSite } from './support/browser/open-page.ts';
import type { CallOutcome, PageReport } from './support/browser/page.ts';

const PAGE_TIMEOUT_MS = 180_000;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CONNECT_CLIENTS = ['connect', 'connect-binary', 'connect-grpc-web'];
const UNAUTHENTICATED = 16;
const SERVING = 1;

// The edge is told of one of them when it starts.
const [allowed, foreign] = await Promise.all([serveSite(), serveSite()]);
after(() => Promise.all([allowed.close(), foreign.close()]));

onStandalone(
  'pages of other origins, in Chromium',
  (stack) => {
    const run = randomUUID();
    const prefixes = { allowed: `page.${run}.`, foreign: `foreign.${run}.` };
    let report: PageReport;
    let foreignReport: PageReport;

    before(
      async () => {
        const { url, credentials, workspaceId } = stack().connection;
        const { apiKey: key, externalEventToken } = credentials;
        const task = { url, key, externalEventToken, workspaceId };
        report = await allowed.open({ ...task, typePrefix: prefixes.allowed });
        foreignReport = await foreign.open({ ...task, typePrefix: prefixes.foreign });
      },
      { timeout: PAGE_TIMEOUT_MS },
    );

    const assertStored = async (call: string, dialect: string) =>
      assert.equal((await storedEvent(stack(), { eventType: prefixes.allowed + call })).dialect, dialect);

    for (const client of [...CONNECT_CLIENTS, 'google-grpc-web']) {
      test(`${client}: Ingest is answered, and the event is stored`, async () => {
        assert.deepEqual(report[client], { value: [EventStatus.ACCEPTED] });
        await assertStored(client, 'native');
      });
    }

    for (const client of CONNECT_CLIENTS) {
      test(`${client}: a stream of answers can be followed`, () => {
        assert.deepEqual(report[`${client}-stream`], { value: SERVING });
      });

      test(`${client}: a wrong key is told as unauthenticated, with the words and the id of the request`, () => {
        assert.match(assertFailure(report[`${client}-wrong-key`], 'Unauthenticated').id, ID);
      });
    }

    test('google-grpc-web: a wrong key is told as UNAUTHENTICATED, with the words', () => {
      assertFailure(report['google-grpc-web-wrong-key'], UNAUTHENTICATED);
    });

    test('fetch: an event is accepted and stored', async () => {
      assertReadable(report['fetch'], 202, 'success', true);
      await assertStored('fetch', 'analytics');
    });

    test('fetch: a compressed body with a bearer key and an Idempotency-Key', async () => {
      assertReadable(report['fetch-gzip'], 202, 'accepted', 1);
      await assertStored('fetch-gzip', 'native');
    });

    test('fetch: whatever is refused, the page may read why', () => {
      assertReadable(report['fetch-wrong-key'], 401, 'success', false);
      assertReadable(report['fetch-too-large'], 413, 'success', false);
      assertReadable(report['fetch-no-path'], 404, 'code', 'not_found');
    });

    for (const [call, dialect] of [
      ['beacon', 'external-event'],
      ['beacon-of-analytics', 'analytics'],
    ] as const) {
      test(`navigator.sendBeacon: ${call} is stored`, async () => {
        assert.deepEqual(report[call], { value: true });
        await assertStored(call, dialect);
      });
    }

    test('a page of an origin that is not configured learns nothing, and its events do not arrive', async () => {
      const isBeacon = (call: string) => call.startsWith('beacon');
      const calls = Object.keys(report).filter((call) => !isBeacon(call));
      assert.deepEqual(Object.keys(foreignReport), Object.keys(report));
      for (const call of calls) assertBlocked(call, foreignReport[call]);
      await settle(stack());
      for (const call of calls) {
        assert.deepEqual(await findEvents(stack(), { eventType: prefixes.foreign + call }), [], call);
      }
    });
  },
  { env: { CORS_ORIGINS: allowed.origin } },
);

function assertFailure(outcome: CallOutcome | undefined, code: string | number): { id: string } {
  const { failure } = outcome as { failure: { code: unknown; message: string; id: string } };
  assert.equal(failure?.code, code, JSON.stringify(outcome));
  assert.match(failure.message, /^the credential is unknown/);
  return failure;
}

function assertReadable(
  outcome: CallOutcome | undefined,
  status: number,
  member: string,
  expected: unknown,
): void {
  const { value } = outcome as { value: { status: number; id: string; body: Record<string, unknown> } };
  assert.equal(value?.status, status, JSON.stringify(outcome));
  assert.equal(value.body[member], expected, JSON.stringify(outcome));
  assert.match(value.id, ID);
}

/** The browser says no more than that there was no answer, each client in its words. */
function assertBlocked(call: string, outcome: CallOutcome | undefined): void {
  assert.match(
    JSON.stringify(outcome),
    /^\{"failure":.*(Failed to fetch|http status code: 0)/,
    `${call}: ${JSON.stringify(outcome)}`,
  );
}
