SELECT
    endpoint_id AS endpointId,
    delivery_id AS deliveryId,
    -- After a crash an attempt may be made again: the last one under its number counts.
    argMax(delivery_status, (attempt, started_at)) AS status,
    max(attempt) AS attempts,
    toUnixTimestamp64Milli(argMax(started_at, (attempt, started_at))) AS lastAttemptMs,
    argMax(http_status, (attempt, started_at)) AS httpStatus
FROM webhook_attempts
WHERE workspace_id = {workspaceId:String} AND event_id = {eventId:String}
GROUP BY endpoint_id, delivery_id
ORDER BY min(created_at) DESC, delivery_id
LIMIT 100
