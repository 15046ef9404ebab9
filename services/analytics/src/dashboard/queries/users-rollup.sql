-- Whole hours come from the rollup, the window's two edges from the rows. Events without a user have the hash of ''.
SELECT count() AS users, sum(of_user) AS events, groupArraySorted({{top}})((-toInt64(of_user), user_h)) AS top
FROM
(
    SELECT user_h, sum(n) AS of_user
    FROM
    (
        SELECT user_h, n
        FROM {{users_by_hour}}
        WHERE workspace_id = {workspaceId:String}
          AND hour >= toDateTime(intDiv({wholeFromMs:Int64}, 1000), 'UTC')
          AND hour < toDateTime(intDiv({wholeToMs:Int64}, 1000), 'UTC')
        UNION ALL
        SELECT user_h, 1 AS n
        FROM events
        WHERE workspace_id = {workspaceId:String}
          AND {{edges}}
    )
    WHERE user_h != sipHash64('')
    GROUP BY user_h
)
