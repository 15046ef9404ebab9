import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { before, test } from 'node:test';
import { eventually, onEachTopology } from '@millrace/testkit';
import { memberOf, textAt } from './support/assert-answer.ts';
import { assertProblem } from './support/error-shapes.ts';
import { httpCall } from './support/http-call.ts';
import { openIssuer } from './support/issue-credential.ts';
import { countSettled } from './support/stored-events.ts';

onEachTopology(
  'SQL over stored events',
  (stack) => {
    const type = `statement.${randomUUID().slice(0, 8)}`;
    const sql = (body: unknown, headers: Record<string, string> = {}) =>
      httpCall(`${stack().connection.url}/v1/sql`, {
        headers: {
          'content-type': 'application/json',
          'x-api-key': stack().connection.credentials.apiKey,
          ...headers,
        },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const query = `SELECT event_id, JSONExtractInt(payload, 'n') AS n FROM events WHERE event_type = '${type}' ORDER BY n`;

    before(async () => {
      const events = [0, 1, 2].map((n) => ({ type, id: `${type}-${n}`, payload: { n } }));
      const sent = await httpCall(`${stack().connection.url}/v1/ingest`, {
        headers: {
          'content-type': 'application/json',
          'x-api-key': stack().connection.credentials.apiKey,
        },
        body: JSON.stringify(events),
      });
      assert.equal(sent.status, 202, sent.text);
      await eventually(async () => assert.equal(await countSettled(stack(), { eventType: type }), 3));
    });

    test('200: columns with their types, and rows', async () => {
      const answer = await sql({ query });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(answer.json(), {
        columns: [
          { name: 'event_id', type: 'String' },
          { name: 'n', type: 'Int64' },
        ],
        rows: [0, 1, 2].map((n) => [`${type}-${n}`, n]),
      });
      assert.equal(answer.headers['cache-control'], 'no-store');
    });

    test('200: the form that `Accept` or `format` names', async () => {
      const ndjson = [0, 1, 2].map((n) => `{"event_id":"${type}-${n}","n":${n}}\n`).join('');
      const csv = `"event_id","n"\n${[0, 1, 2].map((n) => `"${type}-${n}",${n}\n`).join('')}`;
      const expected = [
        ['ndjson', 'application/x-ndjson', ndjson],
        ['csv', 'text/csv; charset=utf-8', csv],
      ] as const;
      for (const [format, contentType, text] of expected) {
        const [accept = ''] = contentType.split(';');
        for (const answer of [await sql({ query, format }), await sql({ query }, { accept })]) {
          assert.deepEqual([answer.status, answer.headers['content-type']], [200, contentType]);
          assert.equal(answer.text, text);
        }
      }
      const parquet = await sql({ query, format: 'parquet' });
      assert.equal(parquet.headers['content-type'], 'application/vnd.apache.parquet');
      assert.deepEqual([parquet.text.slice(0, 4), parquet.text.slice(-4)], ['PAR1', 'PAR1']);
    });

    test('200: values by parameters, which are never read as SQL', async () => {
      const text = `SELECT {n:UInt8} + 1, {t:String}, {list:Array(String)}, {none:Nullable(String)}, count() FROM events WHERE event_type IN {types:Array(String)}`;
      const hostile = `' OR 1 = 1 --\n\\ "x" \u{1f600}`;
      const answer = await sql({
        query: text,
        params: { n: 4, t: hostile, list: [hostile, 'b'], none: null, types: [type] },
      });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(memberOf(answer.json(), 'rows'), [[5, hostile, [hostile, 'b'], null, 3]]);
    });

    test('200: another workspace, which has the same ids and types, sees its own and nothing of these', async () => {
      const issuer = openIssuer(stack());
      const workspaceId = await issuer.createWorkspace();
      const key = await issuer.issue({ permissions: ['events:read', 'events:write'], workspaceId });
      const auth = { 'content-type': 'application/json', 'x-api-key': key };
      const event = { type, id: `${type}-0`, payload: { n: 7 } };
      const sent = await httpCall(`${stack().connection.url}/v1/ingest`, {
        headers: auth,
        body: JSON.stringify([event]),
      });
      assert.equal(sent.status, 202, sent.text);
      await eventually(async () => {
        const answer = await sql({ query }, auth);
        assert.deepEqual(memberOf(answer.json(), 'rows'), [[`${type}-0`, 7]]);
      });
      const all = await sql({ query: 'SELECT count(), uniqExact(workspace_id) FROM events' }, auth);
      assert.deepEqual(memberOf(all.json(), 'rows'), [[1, 1]]);
    });

    test('who leaves ends the statement', async () => {
      const running = async () => {
        const [row] = await stack().inspector.rows(
          "SELECT count() AS n FROM system.processes WHERE user = 'millrace_sql'",
        );
        return Number(row?.['n']);
      };
      const outgoing = request(`${stack().connection.url}/v1/sql`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-api-key': stack().connection.credentials.apiKey,
        },
      });
      outgoing.on('error', () => undefined);
      const many = '(SELECT arrayJoin(range(1000000)) AS n)';
      outgoing.end(JSON.stringify({ query: `SELECT sum(a.n + b.n) FROM ${many} AS a, ${many} AS b` }));
      await eventually(async () => assert.equal(await running(), 1));
      outgoing.destroy();
      await eventually(async () => assert.equal(await running(), 0));
    });

    test('400 names the field, and says what is wrong with the text and nothing else', async () => {
      const refused: [body: unknown, field: string, detail: RegExp][] = [
        [{}, 'query', /./],
        [{ query: '' }, 'query', /./],
        [{ query: 'SELECT 1', more: 1 }, 'more', /Unknown/],
        [{ query: 'SELECT 1', format: 'xml' }, 'format', /./],
        [{ query: 'SELECT 1', params: { 'a b': 1 } }, 'params.a b', /./],
        [{ query: 'SELECT 1', params: { a: {} } }, 'params.a', /list/],
        [{ query: 'x'.repeat(32_769) }, 'query', /./],
        [{ query: 'SELECT 1 +' }, 'query', /^Syntax error: failed at position/],
        [{ query: 'SELECT nothing FROM events' }, 'query', /Unknown expression .*`nothing`$/],
        [{ query: 'SELECT {a:UInt8}' }, 'query', /`a` is not set/],
        [{ query: 'SELECT {a:UInt8}', params: { a: 'x' } }, 'query', /./],
        [{ query: "SELECT file('/etc/passwd')" }, 'query', /^may not call file$/],
        [{ query: 'DROP TABLE events' }, 'query', /^must be one SELECT$/],
        [{ query: 'SELECT 1; SELECT 2' }, 'query', /^Syntax error/],
      ];
      for (const [body, field, detail] of refused) {
        const answer = await sql(body);
        assertProblem(answer, 400);
        const problem = answer.json();
        assert.equal(textAt(problem, 'errors', 0, 'field'), field, JSON.stringify(body));
        assert.match(textAt(problem, 'errors', 0, 'detail'), detail, JSON.stringify(body).slice(0, 200));
      }
    });
  },
  { mail: true },
);
