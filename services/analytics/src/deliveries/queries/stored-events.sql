SELECT
    _seq AS seq,
    _index AS index,
    workspace_id AS workspaceId,
    event_id AS eventId,
    event_type AS eventType,
    dialect,
    source,
    user_id AS userId,
    session_id AS sessionId,
    toUnixTimestamp64Milli(occurred_at) AS occurredAtMs,
    toUnixTimestamp64Milli(received_at) AS receivedAtMs,
    priority,
    labels,
    base64Encode(payload) AS payload,
    base64Encode(metadata) AS metadata,
    if(dedup_key = toFixedString('', 16), '', hex(dedup_key)) AS dedupKey,
    trace_id AS traceId
FROM events
WHERE workspace_id = {workspaceId:String}
  AND _seq >= {afterSeq:UInt64}
  AND _seq <= {toSeq:UInt64}
  AND (_seq > {afterSeq:UInt64} OR _index > {afterIndex:UInt32})
  AND (_seq < {toSeq:UInt64} OR _index <= {toIndex:UInt32})
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
ORDER BY _seq, _index
