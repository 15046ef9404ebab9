import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { MillraceError } from '@millrace/runtime';
import { BOMBS, LEAKING, LIMITED } from '../../test/hostile-sql/answered.ts';
import { REFUSED } from '../../test/hostile-sql/refused.ts';
import { createSqlWorld, type SqlWorld } from '../../test/sql-world.ts';

let world: SqlWorld;
before(async () => {
  world = await createSqlWorld();
});
after(() => world.close());

/** What a statement is answered: text, or what it fails with. Where too many run it comes again. */
async function said(query: string, workspaceId = 'w1'): Promise<{ text: string; error?: MillraceError }> {
  try {
    return { text: await world.text({ query, workspaceId }) };
  } catch (error) {
    assert.ok(error instanceof MillraceError, String(error));
    if (error.code === 'resource_exhausted') return said(query, workspaceId);
    return { text: `${error.message} ${JSON.stringify(error.details)}`, error };
  }
}

/** Of the other workspace, of the server, of its users and its other tables; what stands in the statement itself is no leak. */
function assertShowsNothing(text: string, query: string): void {
  const facts = [
    'of-w2',
    'root:',
    hostname(),
    '26.7',
    'millrace_sql',
    'unfiltered',
    'dedup_key UInt',
    'DB::',
    '/tmp/',
  ];
  for (const fact of facts) {
    if (!query.includes(fact))
      assert.ok(!text.includes(fact), `${query}\nshows ${fact}: ${text.slice(0, 500)}`);
  }
}

test('there are more than 200', () => {
  assert.ok(Object.values(REFUSED).flat().length + LEAKING.length + LIMITED.length + BOMBS.length >= 300);
});

for (const [what, statements] of Object.entries(REFUSED)) {
  describe(`refused: what ${what}`, () => {
    for (const query of statements) {
      test(query.slice(0, 120), async () => {
        const { text, error } = await said(query);
        assert.equal(error?.code, 'invalid_argument', text);
        assertShowsNothing(text, query);
      });
    }
  });
}

describe('shows nothing of anybody else', () => {
  for (const query of LEAKING) {
    test(query, async () => {
      const { text, error } = await said(query);
      if (error) assert.equal(error.code, 'invalid_argument', text);
      assertShowsNothing(text, query);
      // The same from the other side, where the markers are the other way round.
      const other = await said(query, 'w2');
      assert.ok(query.includes('of-w1') || !other.text.includes('of-w1'), other.text);
      assertShowsNothing(other.text.replaceAll('of-w2', 'of-own'), query);
    });
  }

  test('a value that a statement fails over is not quoted, also when it is the own one', async () => {
    const { text } = await said('SELECT toUInt8(user_id) FROM events');
    assert.equal(text.split(' [')[0], 'query: fails over a value that it meets (CANNOT_PARSE_TEXT)');
  });

  test('whether a statement fails does not depend on the rows of others', async () => {
    const query =
      "SELECT count() FROM events WHERE toUInt8OrZero(source) = 0 AND intDiv(1, source = 'source-of-w1') = 1";
    assert.deepEqual(await world.table({ query }), [[60]]);
    assert.equal((await said(query, 'w2')).error?.code, 'invalid_argument');
    assert.deepEqual(await world.table({ query: 'SELECT count() FROM events', workspaceId: 'w3' }), [[0]]);
    assert.deepEqual(
      await world.table({ query: 'SELECT count(toUInt8(user_id)) FROM events', workspaceId: 'w3' }),
      [[0]],
    );
  });
});

describe('is told which limit it meets', { concurrency: 4 }, () => {
  for (const [i, [query, told]] of LIMITED.entries()) {
    test(query.slice(0, 120), async () => {
      const { text, error } = await said(query, `w${1 + (i % 2)}`);
      assert.equal(error?.code, 'invalid_argument', text.slice(0, 500));
      assert.match(text, told);
    });
  }
});

describe('is held to its limits', { concurrency: 4 }, () => {
  for (const [i, query] of BOMBS.entries()) {
    test(query.slice(0, 120), async () => {
      const { text, error } = await said(query, `w${1 + (i % 2)}`);
      if (error) assert.match(error.code, /^(invalid_argument|unavailable)$/, text);
      else assert.ok(text.length < 256 * 1024 * 1024);
    });
  }
});

test('afterwards nothing runs, nothing is written, and every row is there', async () => {
  const running = await world.rows("SELECT count() AS n FROM system.processes WHERE user = 'millrace_sql'");
  assert.deepEqual(running, [{ n: '0' }]);
  const tables = await world.rows(
    "SELECT database || '.' || name AS t FROM system.tables WHERE database IN ('millrace_sql', 'default') ORDER BY t",
  );
  assert.deepEqual(tables, [{ t: 'millrace_sql.events' }, { t: 'millrace_sql.unfiltered' }]);
  const rows = await world.rows(
    'SELECT workspace_id, count() AS n FROM millrace.events GROUP BY ALL ORDER BY 1',
  );
  assert.deepEqual(rows, [
    { workspace_id: 'w1', n: '60' },
    { workspace_id: 'w2', n: '60' },
  ]);
});
