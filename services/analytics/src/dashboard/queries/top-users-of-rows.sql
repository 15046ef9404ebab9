-- Of a window with few rows: they are read whole, and nobody has to be found first. Events without a user have the hash of ''.
SELECT userId, events, lastMs, arraySlice(arrayMap(entry -> entry.2, arraySort(by_type)), 1, {{types_of_user}}) AS types
FROM
(
    SELECT
        user_h,
        any(id) AS userId,
        sum(n) AS events,
        toUnixTimestamp64Milli(max(last)) AS lastMs,
        groupArray((-toInt64(n), event_type)) AS by_type
    FROM
    (
        SELECT user_h, event_type, any(user_id) AS id, count() AS n, max(received_at) AS last
        FROM events
        WHERE workspace_id = {workspaceId:String}
          AND received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
          AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')
          AND user_h != sipHash64('')
          AND {{filter}}
        GROUP BY user_h, event_type
    )
    GROUP BY user_h
    ORDER BY events DESC, user_h
    LIMIT {{top}}
)
ORDER BY events DESC, user_h
