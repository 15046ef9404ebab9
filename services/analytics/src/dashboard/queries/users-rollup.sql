-- Whole hours come from p_user, the window's two edges from the rows. Events without a user have the hash of ''.
SELECT count() AS users, sum(n) AS events, groupArraySorted({{top}})((-toInt64(n), user_h)) AS top
FROM
(
    SELECT user_h, sum(some) AS n
    FROM
    (
        SELECT user_h, count() AS some
        FROM events
        WHERE workspace_id = {workspaceId:String}
          AND toStartOfHour(received_at) >= fromUnixTimestamp64Milli({wholeFromMs:Int64}, 'UTC')
          AND toStartOfHour(received_at) < fromUnixTimestamp64Milli({wholeToMs:Int64}, 'UTC')
          AND {{filter}}
        GROUP BY user_h
        UNION ALL
        SELECT user_h, count() AS some
        FROM events
        WHERE workspace_id = {workspaceId:String}
          AND {{edges}}
          AND {{filter}}
        GROUP BY user_h
    )
    WHERE user_h != sipHash64('')
    GROUP BY user_h
)
