SELECT count() AS sessions
FROM
(
    SELECT session_h
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND received_at >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
      AND received_at < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')
      AND session_h != sipHash64('')
      AND {{filter}}
    GROUP BY session_h
)
