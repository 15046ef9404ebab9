SELECT count() AS users, sum(n) AS events, groupArraySorted({{top}})((-toInt64(n), user_h)) AS top
FROM
(
    SELECT user_h, count() AS n
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
      AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')
      AND user_h != sipHash64('')
      AND {{filter}}
    GROUP BY user_h
)
