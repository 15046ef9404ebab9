-- By `_seq`, which all attempts of a delivery share: a few granules, wherever in the table they are. The newest attempt is the one
-- with the highest number, and of several made under one number the last.
SELECT
    delivery_id AS id,
    argMax(endpoint_id, newest) AS endpointId,
    argMax(url, newest) AS url,
    argMax(event_id, newest) AS eventId,
    argMax(event_type, newest) AS event,
    toUnixTimestamp64Milli(argMax(received_at, newest)) AS receivedAtMs,
    base64Encode(argMax(payload, newest)) AS payload,
    argMax(delivery_status, newest) AS status,
    max(attempt) AS attemptCount,
    argMax(error, newest) AS lastError,
    toUnixTimestamp64Milli(argMax(created_at, newest)) AS createdAtMs,
    toUnixTimestamp64Milli(argMax(started_at, newest)) + argMax(took_ms, newest) AS endedAtMs,
    -- Aggregates pass over NULL.
    argMax(ifNull(toUnixTimestamp64Milli(next_attempt_at), 0), newest) AS nextAttemptAtMs
FROM (SELECT *, (attempt, started_at) AS newest FROM webhook_attempts)
WHERE workspace_id = {workspaceId:String}
  AND endpoint_id = {endpointId:String}
  AND _seq IN {seqs:Array(UInt64)}
  AND delivery_id IN {ids:Array(String)}
GROUP BY delivery_id
