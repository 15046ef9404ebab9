SELECT
    (SELECT count() FROM events WHERE workspace_id = {workspaceId:String}) AS total,
    (
        SELECT count()
        FROM events
        WHERE workspace_id = {workspaceId:String}
          AND received_at > now64(3, 'UTC') - INTERVAL {rateSeconds:UInt32} SECOND
    ) AS recent
