-- Whole hours come from p_user, the window's two edges from the rows. Events without a session have the hash of ''.
SELECT count() AS sessions
FROM
(
    SELECT session_h
    FROM
    (
        SELECT session_h
        FROM events
        WHERE workspace_id = {workspaceId:String}
          AND toStartOfHour(received_at) >= fromUnixTimestamp64Milli({wholeFromMs:Int64}, 'UTC')
          AND toStartOfHour(received_at) < fromUnixTimestamp64Milli({wholeToMs:Int64}, 'UTC')
          AND {{filter}}
        GROUP BY session_h
        UNION ALL
        SELECT session_h
        FROM events
        WHERE workspace_id = {workspaceId:String}
          AND {{edges}}
          AND {{filter}}
    )
    WHERE session_h != sipHash64('')
    GROUP BY session_h
)
