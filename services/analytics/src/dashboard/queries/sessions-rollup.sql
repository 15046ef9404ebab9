-- Whole hours come from the rollup, the window's two edges from the rows. Events without a session have the hash of ''.
SELECT uniqExact(session_h) AS sessions
FROM
(
    SELECT session_h
    FROM {{users_by_hour}}
    WHERE workspace_id = {workspaceId:String}
      AND hour >= toDateTime(intDiv({wholeFromMs:Int64}, 1000), 'UTC')
      AND hour < toDateTime(intDiv({wholeToMs:Int64}, 1000), 'UTC')
    UNION ALL
    SELECT session_h
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND {{edges}}
)
WHERE session_h != sipHash64('')
