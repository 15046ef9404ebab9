SELECT
    endpoint_id AS endpointId,
    delivery_id AS deliveryId,
    argMax(delivery_status, attempt) AS status,
    max(attempt) AS attempts,
    toUnixTimestamp64Milli(argMax(started_at, attempt)) AS lastAttemptMs,
    argMax(http_status, attempt) AS httpStatus
FROM webhook_attempts
WHERE workspace_id = {workspaceId:String} AND event_id = {eventId:String}
GROUP BY endpoint_id, delivery_id
ORDER BY min(created_at) DESC, delivery_id
LIMIT 100
