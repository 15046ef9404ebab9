-- Whole quarter hours come from the rollup, the window's two edges from the rows.
SELECT event_type AS type, bucketMs, toUInt8(grouping(type)) AS isBucket, sum(n) AS count
FROM
(
    SELECT event_type, intDiv(toUnixTimestamp(quarter) * 1000, {bucketMs:Int64}) * {bucketMs:Int64} AS bucketMs, n
    FROM {{types_by_quarter}}
    WHERE workspace_id = {workspaceId:String}
      AND quarter >= toDateTime(intDiv({wholeFromMs:Int64}, 1000), 'UTC')
      AND quarter < toDateTime(intDiv({wholeToMs:Int64}, 1000), 'UTC')
    UNION ALL
    SELECT
        event_type,
        intDiv(toUnixTimestamp64Milli(received_at), {bucketMs:Int64}) * {bucketMs:Int64} AS bucketMs,
        1 AS n
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND {{edges}}
)
GROUP BY GROUPING SETS ((type), (bucketMs))
ORDER BY isBucket DESC, count DESC, type
LIMIT {limit:UInt32}
