import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import {
  AnalyticsService,
  ReceiptStatus,
  type StoredEvent,
} from '@millrace/contracts/millrace/api/v1/analytics';
import {
  type Deletion,
  DeletionKind,
  DeletionService,
  DeletionStatus,
} from '@millrace/contracts/millrace/api/v1/deletion';
import { ExportFormat } from '@millrace/contracts/millrace/api/v1/export';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { caller, newPerson, newWorkspace } from './support/people.ts';
import { instantOf, readAll, restRefusal, rpcRefusal, TRANSPORTS } from './support/rpc-parity.ts';
import { settle } from './support/stored-events.ts';

const SOON = { timeoutMs: 60_000, intervalMs: 200 };
const NEVER = '0190a1b2-0000-7000-8000-000000000004';
const LONG = 'x'.repeat(256);

onEachTopology(
  'native: what REST does, Connect, gRPC-Web and gRPC do',
  (stack) => {
    let workspace: { id: string; session: string };
    before(async () => {
      workspace = await newWorkspace(stack(), await newPerson(stack()));
      const events = [
        { id: 'one', type: 't', userId: 'u', payload: { n: 1.1 }, occurredAt: '2024-01-30T12:34:56.789Z' },
        { id: 'two', type: 't' },
      ];
      const answer = await rest('POST /v1/ingest', events);
      assert.equal(answer.status, 202, answer.text);
      await settle(stack());
    });
    const rest = (route: string, body?: unknown) => caller(stack(), workspace.session)(route, body);
    const ok = async (route: string, body?: unknown) => {
      const answer = await rest(route, body);
      assert.ok(answer.status < 300, answer.text);
      return answer.json();
    };
    /** The newest entries of an action, without what differs between any two. */
    const audited = async (action: string, entries: number) =>
      eventually(async () => {
        const found = memberOf(await ok(`GET /v1/audit?action=${action}&limit=${entries}`), 'entries');
        assert.ok(Array.isArray(found) && found.length === entries, `${entries} entries`);
        return found.map(({ id, at, requestId, target, ...entry }) => ({ ...entry, target: target.type }));
      }, SOON);

    for (const [name, connect] of Object.entries(TRANSPORTS)) {
      describe(name, () => {
        const headers = () => ({ authorization: `Bearer ${workspace.session}` });
        const deletions = () => createClient(DeletionService, connect(stack().connection.url));
        const analytics = () => createClient(AnalyticsService, connect(stack().connection.url));

        test('deletions', async () => {
          const userId = `user-${randomUUID()}`;
          const asked = await deletions().createDeletion({ userId }, { headers: headers() });
          const { deletion } = asked;
          assert.ok(deletion);
          assert.deepEqual([deletion.status, deletion.userId], [DeletionStatus.PENDING, userId]);
          const { id } = deletion;
          await eventually(async () => {
            assert.equal(textAt(await ok(`GET /v1/deletions/${id}`), 'status'), 'done');
          }, SOON);
          const found = await deletions().getDeletion({ id }, { headers: headers() });
          assert.deepEqual(jsonOf(found.deletion), await ok(`GET /v1/deletions/${id}`));
          await ok('POST /v1/deletions', { userId });
          const page = await deletions().listDeletions({ pageSize: 1 }, { headers: headers() });
          const next = await deletions().listDeletions(
            { pageSize: 1, pageToken: page.nextPageToken },
            { headers: headers() },
          );
          assert.deepEqual(next.deletions.map(jsonOf), [jsonOf(found.deletion)]);
          const cursor = textAt(await ok('GET /v1/deletions?limit=1'), 'nextCursor');
          assert.equal(page.nextPageToken, cursor);
          const [byRest, byRpc] = await audited('deletion.requested', 2);
          assert.deepEqual(byRest, byRpc);
        });

        test('deletions that are refused', async () => {
          const { createDeletion, getDeletion, listDeletions } = deletions();
          const as = { headers: headers() };
          for (const [call, route, body] of [
            [() => createDeletion({}, as), 'POST /v1/deletions', { userId: '' }],
            [() => createDeletion({ userId: LONG }, as), 'POST /v1/deletions', { userId: LONG }],
            [() => listDeletions({ pageSize: 501 }, as), 'GET /v1/deletions?limit=501', undefined],
            [() => listDeletions({ pageToken: 'x' }, as), 'GET /v1/deletions?cursor=x', undefined],
            [() => getDeletion({ id: NEVER }, as), `GET /v1/deletions/${NEVER}`, undefined],
          ] as const) {
            const answer = await rest(route, body);
            assert.deepEqual(await rpcRefusal(call()), restRefusal(answer), answer.text);
          }
          // JSON has no way to say it.
          assert.deepEqual(await rpcRefusal(createDeletion({ userId: 'a\0' }, as)), {
            status: 400,
            field: 'userId',
          });
        });

        test('how long events are kept', async () => {
          const kept = async () => (await deletions().getRetention({}, { headers: headers() })).days;
          assert.equal((await deletions().putRetention({ days: 30 }, { headers: headers() })).days, 30);
          assert.deepEqual(await ok('GET /v1/retention'), { days: 30 });
          await ok('PUT /v1/retention', { days: 31 });
          assert.equal(await kept(), 31);
          await deletions().putRetention({ days: 30 }, { headers: headers() });
          await ok('PUT /v1/retention', { days: null });
          assert.equal(await kept(), 0);
          await ok('PUT /v1/retention', { days: 30 });
          await deletions().putRetention({ days: 0 }, { headers: headers() });
          assert.deepEqual(await ok('GET /v1/retention'), { days: null });
          await eventually(async () => {
            const details = (await audited('retention.changed', 6)).map((entry) => entry.details);
            assert.deepEqual(details, [
              { days: null, before: 30 },
              { days: 30, before: null },
              { days: null, before: 30 },
              { days: 30, before: 31 },
              { days: 31, before: 30 },
              { days: 30, before: null },
            ]);
          }, SOON);
          for (const days of [3_651, undefined]) {
            const answer = await rest('PUT /v1/retention', { days });
            const call = deletions().putRetention(days === undefined ? {} : { days }, { headers: headers() });
            assert.deepEqual(await rpcRefusal(call), restRefusal(answer));
          }
        });

        test('receipts', async () => {
          const receipt = await analytics().getReceipt({ id: 'one' }, { headers: headers() });
          const byRest = await ok('GET /v1/events/one');
          assert.equal(receipt.status, ReceiptStatus.STORED);
          assert.equal(textAt(byRest, 'status'), 'stored');
          assert.ok(receipt.event);
          assert.deepEqual(eventJsonOf(receipt.event), memberOf(byRest, 'event'));
          assert.equal(instantOf(receipt.event.receivedAt), textAt(byRest, 'acceptedAt'));
          assert.deepEqual(receipt.deliveries, []);
          for (const id of ['never', LONG]) {
            const answer = await rest(`GET /v1/events/${id}`);
            const call = analytics().getReceipt({ id }, { headers: headers() });
            assert.deepEqual(await rpcRefusal(call), restRefusal(answer));
          }
        });

        test('exports', async () => {
          const byRest = async (query: string) => {
            const url = `${stack().connection.url}/v1/export${query}`;
            const answer = await fetch(url, { headers: headers() });
            assert.equal(answer.status, 200);
            return Buffer.from(await answer.arrayBuffer());
          };
          const from = timestampFromDate(new Date('2024-01-30T12:34:56Z'));
          for (const [request, query] of [
            [{}, ''],
            [{ userId: 'u', format: ExportFormat.NDJSON, from }, '?userId=u&from=2024-01-30T12:34:56Z'],
            [{ to: from }, '?to=2024-01-30T12:34:56Z'],
            [{ format: ExportFormat.PARQUET }, '?format=parquet'],
          ] as const) {
            const pieces = await readAll(analytics().exportEvents(request, { headers: headers() }));
            const file = Buffer.concat(pieces.map(({ data }) => data));
            assert.deepEqual(file.toString('latin1'), (await byRest(query)).toString('latin1'));
            const [rest_, rpc] = await eventually(async () => {
              const both = await audited('events.exported', 2);
              assert.deepEqual(both[0], both[1]);
              return both;
            }, SOON);
            assert.deepEqual(memberOf(rest_, 'details'), memberOf(rpc, 'details'));
          }
        });

        test('exports that are refused', async () => {
          const [early, late] = ['2024-01-30T00:00:00Z', '2024-01-31T00:00:00Z'];
          const at = (time: string) => timestampFromDate(new Date(time));
          for (const [request, query] of [
            [{ format: 7 as ExportFormat }, 'format=csv'],
            [{ userId: LONG }, `userId=${LONG}`],
            [{ from: at(late), to: at(early) }, `from=${late}&to=${early}`],
            [{ from: at('2100-01-01T00:00:00Z') }, 'from=2100-01-01T00:00:00Z'],
            [{ from: { seconds: 1n << 60n, nanos: 0 } }, 'from=292277026596-12-04T15:30:08Z'],
          ] as const) {
            const answer = await rest(`GET /v1/export?${query}`);
            const call = readAll(analytics().exportEvents(request, { headers: headers() }));
            assert.deepEqual(await rpcRefusal(call), restRefusal(answer), query);
          }
        });
      });
    }
  },
  { mail: true },
);

function jsonOf(job: Deletion | undefined) {
  assert.ok(job);
  return {
    id: job.id,
    kind: DeletionKind[job.kind].toLowerCase(),
    userId: job.userId || null,
    status: DeletionStatus[job.status].toLowerCase(),
    createdAt: instantOf(job.createdAt),
    startedAt: instantOf(job.startedAt),
    finishedAt: instantOf(job.finishedAt),
    progress: job.progress,
    error: job.error || null,
    streamClearedAt: instantOf(job.streamClearedAt),
  };
}

function eventJsonOf(event: StoredEvent) {
  const { id, type, dialect, priority, labels } = event;
  return {
    ...{ id, type, dialect, priority, labels },
    source: event.source || null,
    userId: event.userId || null,
    sessionId: event.sessionId || null,
    traceId: event.traceId || null,
    occurredAt: instantOf(event.occurredAt),
    receivedAt: instantOf(event.receivedAt),
    payload: JSON.parse(Buffer.from(event.payloadJson).toString()),
    metadata: JSON.parse(Buffer.from(event.metadataJson).toString()),
  };
}
