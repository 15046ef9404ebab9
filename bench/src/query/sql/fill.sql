-- A slice of {of} rows over {days} days that end at {endMs}: {workspaces} workspaces, of which the first has two fifths; a user's
-- activity and a type's frequency fall off steeply; a session has about a dozen events.
INSERT INTO millrace.events
(
    workspace_id, event_id, event_type, dialect, source, user_id, session_id, payload, metadata, occurred_at, received_at,
    _shard, _seq, _month, _properties, _text_1, _number_1
)
WITH
    number + {from:UInt64} AS n,
    intDiv(n, 12000) * 1000 + n % 1000 AS session,
    toUInt32({users:UInt32} * pow((cityHash64(session, 2) % 1000000) / 1000000, 3)) AS user,
    ['gold', 'free', 'team', 'pro'][1 + cityHash64(n, 4) % 4] AS plan,
    (cityHash64(n, 5) % 100000) / 100 AS amount,
    fromUnixTimestamp64Milli(toInt64({endMs:Int64} - ({of:UInt64} - n) * ({days:UInt32} * 86400000 / {of:UInt64})), 'UTC') AS time
SELECT
    if(cityHash64(user) % 100 < 40, 'w0', concat('w', toString(1 + cityHash64(user) % ({workspaces:UInt32} - 1)))),
    toString(generateUUIDv7()),
    concat('type_', toString(toUInt8(100 * pow((cityHash64(n, 1) % 10000) / 10000, 2)))),
    'analytics',
    '',
    concat('user_', toString(user)),
    concat('s_', toString(session)),
    concat(
        '{"plan":"', plan, '","amount":', toString(amount),
        ',"country":"', ['de', 'us', 'fr', 'in', 'br', 'jp'][1 + cityHash64(n, 6) % 6],
        '","path":"/p/', toString(cityHash64(n, 7) % 5000),
        '","ref":"https://example.com/', hex(cityHash64(n, 8)), '","cart":{"items":', toString(cityHash64(n, 9) % 9), '}}'
    ),
    '{"source":"bench"}',
    time,
    time,
    1000,
    n + 1,
    {month:UInt32},
    1,
    concat('"', plan),
    amount
FROM numbers({rows:UInt64})
