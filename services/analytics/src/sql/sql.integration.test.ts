import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createSqlWorld, type SqlWorld } from '../../test/sql-world.ts';

let world: SqlWorld;
before(async () => {
  world = await createSqlWorld();
});
after(() => world.close());

const HONEST: readonly (readonly [string, unknown[][]])[] = [
  ['SELECT count() FROM events', [[60]]],
  ["select Count(*) as n from events where event_type = 'buy'", [[20]]],
  [
    'SELECT event_type, count() AS n FROM events GROUP BY event_type ORDER BY event_type',
    [
      ['buy', 20],
      ['signup', 20],
      ['view', 20],
    ],
  ],
  ["SELECT uniqExact(user_id), uniqExactIf(user_id, event_type = 'buy') FROM events", [[5, 5]]],
  ["SELECT sum(JSONExtractFloat(payload, 'cart', 'total')) FROM events", [[2655]]],
  [
    "SELECT JSONExtract(payload, 'n', 'Nullable(Int64)') AS n FROM events ORDER BY n DESC LIMIT 2",
    [[59], [58]],
  ],
  [
    'WITH t AS (SELECT user_id, count() AS n FROM events GROUP BY user_id) SELECT max(n), min(n) FROM t',
    [[12, 12]],
  ],
  [
    'WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t',
    [[55]],
  ],
  [
    'SELECT count() FROM events AS a JOIN events AS b ON a.user_id = b.user_id AND a.event_id = b.event_id',
    [[60]],
  ],
  [
    'SELECT count() FROM events AS a LEFT JOIN (SELECT session_id, min(received_at) AS first FROM events GROUP BY session_id) AS s USING (session_id)',
    [[60]],
  ],
  [
    'SELECT user_id, row_number() OVER (PARTITION BY session_id ORDER BY received_at) AS k FROM events ORDER BY k DESC, event_id LIMIT 1',
    [['user-of-w1-0', 6]],
  ],
  [
    'SELECT sum(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (SELECT 1 AS n UNION ALL SELECT 2) ORDER BY 1',
    [[1], [3]],
  ],
  [
    'SELECT label, count() FROM events ARRAY JOIN labels AS label GROUP BY label ORDER BY label',
    [
      ['even', 30],
      ['label-of-w1', 30],
      ['odd', 30],
    ],
  ],
  [
    "SELECT arrayMap(x -> x * 2, [1, 2]), arrayFilter(l -> l != 'even', labels) FROM events ORDER BY received_at LIMIT 1",
    [[[2, 4], ['label-of-w1']]],
  ],
  [
    "SELECT toStartOfDay(received_at, 'Europe/Berlin') AS day, count() FROM events GROUP BY day ORDER BY day",
    [
      ['2026-03-27T23:00:00Z', 12],
      ['2026-03-28T23:00:00Z', 48],
    ],
  ],
  [
    "SELECT count() FROM events WHERE received_at >= toDateTime64('2026-03-29 03:00:00', 3, 'Europe/Berlin')",
    [[40]],
  ],
  ['SELECT quantile(0.5)(priority), avg(priority), topK(1)(dialect) FROM events', [[5.5, 5.5, ['native']]]],
  [
    "SELECT CASE WHEN priority > 5 THEN 'high' ELSE 'low' END AS level, count() FROM events GROUP BY level ORDER BY level",
    [
      ['high', 30],
      ['low', 30],
    ],
  ],
  [
    "SELECT CASE event_type WHEN 'buy' THEN 1 ELSE 0 END AS b, count() FROM events GROUP BY b ORDER BY b",
    [
      [0, 40],
      [1, 20],
    ],
  ],
  [
    "SELECT count() FROM events WHERE user_id IN (SELECT user_id FROM events WHERE event_type = 'buy')",
    [[60]],
  ],
  ["SELECT count() FROM events WHERE user_id LIKE '%-3' AND NOT (event_type IN ('view', 'buy'))", [[4]]],
  ['SELECT count(DISTINCT session_id) FROM events WHERE EXISTS (SELECT 1)', [[10]]],
  [
    'SELECT * EXCEPT (payload, metadata, labels, received_at, occurred_at) FROM events ORDER BY received_at LIMIT 1',
    [['w1', 'e0', 'signup', 'native', 'source-of-w1', 'user-of-w1-0', 's0', 1, '']],
  ],
  [
    'SELECT event_type, count() FROM events GROUP BY ROLLUP(event_type) ORDER BY event_type',
    [
      ['', 60],
      ['buy', 20],
      ['signup', 20],
      ['view', 20],
    ],
  ],
  [
    "SELECT windowFunnel(86400)(toDateTime(received_at), event_type = 'signup', event_type = 'view', event_type = 'buy') AS level FROM events GROUP BY session_id ORDER BY level LIMIT 1",
    [[3]],
  ],
  [
    'SELECT toStartOfHour(received_at) AS h, count() FROM events GROUP BY h ORDER BY h WITH FILL STEP toIntervalHour(1) LIMIT 1',
    [['2026-03-28T20:00:00Z', 4]],
  ],
  ["SELECT date_trunc('month', received_at) AS m, count() FROM events GROUP BY m", [['2026-03-01', 60]]],
  ["SELECT dateDiff('minute', min(received_at), max(received_at)) FROM events", [[885]]],
  [
    "SELECT toString(9007199254740993::UInt64), 'a' || 'b', 1 BETWEEN 0 AND 2, NULL IS NULL, -1, 7 % 4, 7 DIV 2",
    [['9007199254740993', 'ab', 1, 1, -1, 3, 3]],
  ],
  ['SELECT n FROM (SELECT 1 AS n UNION ALL (SELECT 2 AS n INTERSECT SELECT 2)) ORDER BY n', [[1], [2]]],
  ['SELECT event_id AS "the id", 1 AS `x y` FROM events ORDER BY received_at LIMIT 1 -- done', [['e0', 1]]],
  ['/* first */ SELECT event_id FROM events QUALIFY row_number() OVER (ORDER BY received_at) = 2', [['e1']]],
  ["SELECT mapFromArrays(['a'], [1])['a'], tuple(1, 'x').2, [10, 20][2]", [[1, 'x', 20]]],
  ['SELECT extract(payload, \'"n":(\\\\d+)\') AS n FROM events ORDER BY received_at LIMIT 1', [['0']]],
  [
    'SELECT sessions.n FROM (SELECT session_id, count() AS n FROM events GROUP BY session_id) AS sessions ORDER BY n, session_id LIMIT 1',
    [[6]],
  ],
  ['SELECT count() FROM events HAVING count() > 1 LIMIT 1 OFFSET 0', [[60]]],
  [
    'SELECT event_type FROM events ORDER BY received_at LIMIT 1 BY event_type LIMIT 5',
    [['signup'], ['view'], ['buy']],
  ],
];

describe('what a workspace may ask', () => {
  for (const [query, rows] of HONEST) {
    test(query, async () => assert.deepEqual(await world.table({ query }), rows));
  }
});
