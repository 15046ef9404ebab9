SELECT
    event_type AS type,
    intDiv(toUnixTimestamp64Milli(received_at), {bucketMs:Int64}) * {bucketMs:Int64} AS bucketMs,
    toUInt8(grouping(type)) AS isBucket,
    count() AS count
FROM events
WHERE workspace_id = {workspaceId:String}
  AND received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')
  AND {{filter}}
GROUP BY GROUPING SETS ((type), (bucketMs))
ORDER BY isBucket DESC, count DESC, type
LIMIT {limit:UInt32}
