SELECT count() AS events
FROM
(
    SELECT 1
    FROM events
    WHERE workspace_id = {workspaceId:String}
      AND dedup_key = toFixedString(unhex({dedupKey:String}), 16)
    LIMIT 1
)
