-- All figures of a window in one pass over its rows. Events without a user or a session have the hash of ''.
SELECT
    groupArraySortedIf({{types}})((-toInt64(n), type), is_of_type) AS types,
    groupArrayIf((bucketMs, n), is_of_bucket) AS buckets,
    countIf(is_of_user AND user_h != sipHash64('')) AS users,
    sumIf(n, is_of_user AND user_h != sipHash64('')) AS events,
    groupArraySortedIf({{top}})((-toInt64(n), user_h), is_of_user AND user_h != sipHash64('')) AS top,
    countIf(is_of_session AND session_h != sipHash64('')) AS sessions
FROM
(
    SELECT
        event_type AS type,
        intDiv(toUnixTimestamp64Milli(received_at), {bucketMs:Int64}) * {bucketMs:Int64} AS bucketMs,
        user_h,
        session_h,
        grouping(type) = 0 AS is_of_type,
        grouping(bucketMs) = 0 AS is_of_bucket,
        grouping(user_h) = 0 AS is_of_user,
        grouping(session_h) = 0 AS is_of_session,
        count() AS n
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
      AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')
      AND {{filter}}
    GROUP BY GROUPING SETS ((type), (bucketMs), (user_h), (session_h))
)
