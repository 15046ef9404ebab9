-- Read from p_userevents, which lies in the order of users.
SELECT
    toString(user_h) AS userHash,
    any(id) AS userId,
    max(last) AS lastMs,
    arrayMap(entry -> entry.2, groupArraySorted({{types_of_user}})((-toInt64(n), event_type))) AS types
FROM
(
    SELECT
        user_h,
        event_type,
        any(user_id) AS id,
        count() AS n,
        toUnixTimestamp64Milli(max(received_at)) AS last
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND user_h IN {userHashes:Array(UInt64)}
      AND received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
      AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')
      AND {{filter}}
    GROUP BY user_h, event_type
)
GROUP BY user_h
