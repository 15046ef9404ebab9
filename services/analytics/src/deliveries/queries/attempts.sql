SELECT
    endpoint_id AS endpointId,
    url,
    event_id AS eventId,
    event_type AS event,
    toUnixTimestamp64Milli(received_at) AS receivedAtMs,
    base64Encode(payload) AS payload,
    delivery_status AS status,
    toUnixTimestamp64Milli(created_at) AS createdAtMs,
    ifNull(toUnixTimestamp64Milli(next_attempt_at), 0) AS nextAttemptAtMs,
    attempt AS number,
    toUnixTimestamp64Milli(started_at) AS startedAtMs,
    took_ms AS tookMs,
    http_status AS httpStatus,
    error,
    base64Encode(response) AS response,
    address,
    cause,
    _seq AS seq,
    _index AS index
FROM webhook_attempts
WHERE workspace_id = {workspaceId:String} AND delivery_id = {id:String}
ORDER BY attempt DESC, started_at DESC
LIMIT 1 BY attempt
LIMIT 100
