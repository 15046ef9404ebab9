INSERT INTO dead_letter_changes (workspace_id, shard, seq, `index`, state, version, event_type, event, changed_at)
SELECT
    workspaceId,
    shard,
    seq,
    `index`,
    state,
    version,
    eventType,
    base64Decode(event),
    fromUnixTimestamp64Milli(changedAtMs, 'UTC')
FROM input('workspaceId String, shard UInt32, seq UInt64, `index` UInt32, state String, version UInt32, eventType String,
    event String, changedAtMs Int64')
FORMAT JSONEachRow
