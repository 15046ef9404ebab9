SELECT
    delivery_id AS id,
    any(event_id) AS eventId,
    _seq AS seq,
    _index AS index,
    argMax(delivery_status, (attempt, started_at)) AS status,
    max(attempt) AS attemptCount,
    argMax(ifNull(toUnixTimestamp64Milli(next_attempt_at), 0), (attempt, started_at)) AS nextAttemptAtMs,
    toUnixTimestamp64Milli(argMax(created_at, (attempt, started_at))) AS createdAtMs
FROM webhook_attempts
WHERE workspace_id = {workspaceId:String}
  AND endpoint_id = {endpointId:String}
  AND _seq >= {afterSeq:UInt64}
  AND _seq <= {toSeq:UInt64}
  AND (_seq > {afterSeq:UInt64} OR _index > {afterIndex:UInt32})
  AND (_seq < {toSeq:UInt64} OR _index <= {toIndex:UInt32})
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
  -- Of all the others nothing is gathered: between two that failed there may be millions.
  AND ({status:String} = '' OR _seq IN (
    SELECT _seq
    FROM webhook_attempts
    WHERE workspace_id = {workspaceId:String}
      AND endpoint_id = {endpointId:String}
      AND _seq >= {afterSeq:UInt64}
      AND _seq <= {toSeq:UInt64}
      AND delivery_status = {status:String}
  ))
GROUP BY _seq, _index, delivery_id
HAVING {status:String} = '' OR status = {status:String}
ORDER BY _seq, _index
