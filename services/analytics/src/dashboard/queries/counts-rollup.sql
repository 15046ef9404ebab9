-- Whole quarter hours come from p_type, the window's two edges from the rows.
SELECT event_type AS type, bucketMs, toUInt8(grouping(type)) AS isBucket, sum(events) AS count
FROM
(
    SELECT
        event_type,
        intDiv(toUnixTimestamp(toStartOfFifteenMinutes(received_at)) * 1000, {bucketMs:Int64}) * {bucketMs:Int64} AS bucketMs,
        count() AS events
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND toStartOfFifteenMinutes(received_at) >= fromUnixTimestamp64Milli({wholeFromMs:Int64}, 'UTC')
      AND toStartOfFifteenMinutes(received_at) < fromUnixTimestamp64Milli({wholeToMs:Int64}, 'UTC')
      AND {{filter}}
    GROUP BY event_type, bucketMs
    UNION ALL
    SELECT
        event_type,
        intDiv(toUnixTimestamp64Milli(received_at), {bucketMs:Int64}) * {bucketMs:Int64} AS bucketMs,
        count() AS events
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND {{edges}}
      AND {{filter}}
    GROUP BY event_type, bucketMs
)
GROUP BY GROUPING SETS ((type), (bucketMs))
ORDER BY isBucket DESC, count DESC, type
LIMIT {limit:UInt32}
