import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SqlFormat } from '@millrace/contracts/millrace/analytics/v1/analytics';
import type { MillraceError } from '@millrace/runtime';
import { eventually } from '@millrace/testkit';
import { createSqlWorld, type SqlWorld } from '../../test/sql-world.ts';

/** Runs until somebody ends it. */
const LONG =
  'SELECT count() FROM events AS a, events AS b, events AS c, events AS d, events AS e, events AS f, events AS g';

let world: SqlWorld;
before(async () => {
  world = await createSqlWorld();
});
after(() => world.close());

const running = async () => {
  const [row] = await world.rows("SELECT count() AS n FROM system.processes WHERE user = 'millrace_sql'");
  return Number(row?.['n']);
};

describe('forms', () => {
  const query = 'SELECT event_id, priority, labels FROM events ORDER BY received_at LIMIT 2';

  test('JSON: columns with types, rows as lists, large integers with all their digits', async () => {
    const text = await world.text({
      query: "SELECT 18446744073709551615 AS n, 'a\n\"b' AS t, [1, 2] AS l, nan AS x",
    });
    assert.equal(
      text,
      '{"columns":[{"name":"n","type":"UInt64"},{"name":"t","type":"String"},{"name":"l","type":"Array(UInt8)"},{"name":"x","type":"Float64"}],"rows":[[18446744073709551615, "a\\n\\"b", [1,2], null]]}',
    );
  });

  test('JSON of no rows is an object with its columns, too', async () => {
    assert.equal(
      await world.text({ query: 'SELECT event_id FROM events WHERE 0' }),
      '{"columns":[{"name":"event_id","type":"String"}],"rows":[]}',
    );
  });

  test('NDJSON, CSV and Parquet', async () => {
    assert.equal(
      await world.text({ query, format: SqlFormat.NDJSON }),
      '{"event_id":"e0","priority":1,"labels":["even","label-of-w1"]}\n{"event_id":"e1","priority":2,"labels":["odd"]}\n',
    );
    assert.equal(
      await world.text({ query, format: SqlFormat.CSV }),
      '"event_id","priority","labels"\n"e0",1,"[\'even\',\'label-of-w1\']"\n"e1",2,"[\'odd\']"\n',
    );
    const parquet = await world.bytes({ query, format: SqlFormat.PARQUET });
    assert.deepEqual([parquet.subarray(0, 4).toString(), parquet.subarray(-4).toString()], ['PAR1', 'PAR1']);
  });
});

describe('parameters', () => {
  test('keep every character, and are values only', async () => {
    for (const value of [
      "'",
      '\\',
      '\n',
      '\t',
      '`',
      '{x:String}',
      "'; DROP TABLE events; --",
      '\u{1f600}',
      '',
    ]) {
      const answer = await world.table({
        query: 'SELECT {v:String}, length({v:String})',
        params: { v: value },
      });
      assert.deepEqual(answer, [[value, Buffer.byteLength(value)]]);
    }
  });

  test('a name is none', async () => {
    for (const query of ['SELECT * FROM {t:Identifier}', 'SELECT {c: Identifier} FROM events']) {
      await assert.rejects(world.text({ query, params: { t: 'events', c: 'user_id' } }), {
        code: 'invalid_argument',
        message: 'query: may have parameters for values only',
      });
    }
  });
});

describe('a refusal says what is refused', () => {
  const refusals: readonly (readonly [query: string, why: string])[] = [
    ["SELECT * FROM format(JSONEachRow, '{}')", 'may not read table functions; there is the table events'],
    ['SELECT hostName()', 'may not call hostName'],
    ['SELECT * FROM system.one', 'may not read system.one; there is the table events'],
    ['SELECT 1 IN system.one', 'may not read system.one; there is the table events'],
    ['SELECT * FROM other', 'reads a table that is not there; there is the table events'],
    ['SELECT * FROM unfiltered', 'may read the table events and nothing else'],
    ["SELECT CAST('x', concat('a', 'b'))", 'must give CAST its type as text'],
    ["SELECT JSONExtract('1', concat('U', 'Int8'))", 'must give JSONExtract its type as text'],
    ["SELECT 'x'::AggregateFunction(sum, UInt8)", 'may not read states of aggregates'],
    ['SELECT 1 AS `a\nb`', 'has a name with a character that names may not have'],
    ['SELECT 1 FORMAT CSV', 'may not say INTO OUTFILE or FORMAT; name a format beside it'],
    ['SELECT 1 SETTINGS max_threads = 9', 'may not change settings'],
    ['SELECT * FROM (SELECT 1 SETTINGS max_threads = 2)', 'may not change settings'],
    ['SELECT * FROM events SAMPLE 0.1', 'may not take samples: events are not stored by one'],
    ['SELECT * APPLY(hostName) FROM events', 'may not have a ColumnsApplyTransformer'],
    ['DROP TABLE events', 'must be one SELECT'],
    ['SELECT 1 +', 'Syntax error: failed at position 11 (end of query)'],
    ['SELECT nothing FROM events', 'Unknown expression identifier `nothing`'],
    ['SELECT user_id + 1 FROM events', 'Illegal types String and UInt8 of arguments of function plus'],
    ['SELECT toUInt8(user_id) FROM events', 'fails over a value that it meets (CANNOT_PARSE_TEXT)'],
  ];
  for (const [query, issue] of refusals) {
    test(`${query}: ${issue}`, async () => {
      await assert.rejects(world.text({ query }), (error: MillraceError) => {
        assert.deepEqual(error.details, [{ field: 'query', issue }]);
        return true;
      });
    });
  }
});

test('a workspace that a header would turn into another one is refused', async () => {
  for (const workspaceId of [
    '',
    '-',
    'w1 ',
    ' w1',
    '\tw1',
    'w1\n',
    'w1\r\nX-Millrace-Workspace: w2',
    'w\u00e4',
  ]) {
    await assert.rejects(world.text({ query: 'SELECT * FROM events', workspaceId }), {
      code: 'invalid_argument',
      message: /^workspace_id: /,
    });
  }
});

describe('who waits no longer', () => {
  test('ends the statement', async () => {
    const leaving = new AbortController();
    const answer = world.text({ query: LONG, signal: leaving.signal });
    answer.catch(() => undefined);
    await eventually(async () => assert.equal(await running(), 1));
    leaving.abort();
    await assert.rejects(answer, { code: 'canceled' });
    await eventually(async () => assert.equal(await running(), 0));
  });

  test('ends it also while the answer is read, and leaves a turn to the next', async () => {
    const query =
      'SELECT repeat(payload, 20) FROM events AS a CROSS JOIN (SELECT arrayJoin(range(500)) AS n) AS b';
    for (let i = 0; i < 6; i++) {
      for await (const { part } of world.parts({ query, format: SqlFormat.NDJSON })) {
        assert.ok(part.length > 0);
        break;
      }
    }
    await eventually(async () => assert.equal(await running(), 0));
  });
});

test('two statements of a workspace run at once, others are refused in time, and another workspace is answered', async () => {
  const leaving = new AbortController();
  const long = [0, 1].map(() => world.text({ query: LONG, signal: leaving.signal }));
  for (const one of long) one.catch(() => undefined);
  await eventually(async () => assert.equal(await running(), 2));
  const third = world.text({ query: 'SELECT 1' });
  third.catch(() => undefined);
  assert.deepEqual(await world.table({ query: 'SELECT count() FROM events', workspaceId: 'w2' }), [[60]]);
  await assert.rejects(third, { code: 'resource_exhausted' });
  leaving.abort();
  await eventually(async () => assert.equal(await running(), 0));
  assert.deepEqual(await world.table({ query: 'SELECT 1' }), [[1]]);
});

test('an answer of many megabytes comes in parts, whole and in order', async () => {
  const query =
    'SELECT n, payload FROM events AS a CROSS JOIN (SELECT arrayJoin(range(5000)) AS n) AS b ORDER BY n, received_at';
  const sizes: number[] = [];
  const all: Uint8Array[] = [];
  for await (const { part } of world.parts({ query })) {
    sizes.push(part.length);
    all.push(part);
  }
  assert.ok(sizes.length > 10, `${sizes.length} parts`);
  assert.ok(Math.max(...sizes) < 4 * 1024 * 1024, `a part of ${Math.max(...sizes)} bytes`);
  const { rows } = JSON.parse(Buffer.concat(all).toString());
  assert.equal(rows.length, 300_000);
  assert.deepEqual([rows[0][0], rows.at(-1)[0], JSON.parse(rows.at(-1)[1]).n], [0, 4999, 59]);
});

test('one value of many megabytes comes in parts, too', async () => {
  const query = "SELECT repeat(repeat('x', 1000), 40000) AS v";
  for (const format of [SqlFormat.UNSPECIFIED, SqlFormat.NDJSON]) {
    let bytes = 0;
    for await (const { part } of world.parts({ query, format })) {
      assert.ok(part.length < 4 * 1024 * 1024);
      bytes += part.length;
    }
    assert.ok(bytes > 40_000_000);
  }
});

test('unavailable while ClickHouse is away, and answered when it is back', async () => {
  await world.kill();
  await assert.rejects(world.text({ query: 'SELECT 1' }), { code: 'unavailable' });
  await world.restart();
  await eventually(async () => assert.deepEqual(await world.table({ query: 'SELECT 1' }), [[1]]));
});
