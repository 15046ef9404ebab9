INSERT INTO dead_letters
    (shard, seq, `index`, reason, detail, body, parked_at, workspace_id, event_id, event_type)
SELECT
    shard,
    seq,
    `index`,
    reason,
    detail,
    base64Decode(body),
    fromUnixTimestamp64Milli(parkedAtMs, 'UTC'),
    workspaceId,
    eventId,
    eventType
FROM input('shard UInt32, seq UInt64, `index` UInt32, reason String, detail String, body String, parkedAtMs Int64,
    workspaceId String, eventId String, eventType String')
FORMAT JSONEachRow
