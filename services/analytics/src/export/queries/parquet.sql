SELECT
  event_id AS id,
  toString(event_type) AS type,
  nullIf(source, '') AS source,
  nullIf(user_id, '') AS userId,
  nullIf(session_id, '') AS sessionId,
  occurred_at AS occurredAt,
  received_at AS receivedAt,
  priority,
  labels,
  toString(dialect) AS dialect,
  nullIf(trace_id, '') AS traceId,
  if(payload = '', '{}', payload) AS payload,
  if(metadata = '', '{}', metadata) AS metadata
FROM
(
  SELECT *
  FROM events
  WHERE workspace_id = {workspaceId:String}
    AND ({userId:String} = '' OR user_id = {userId:String})
    AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND received_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
  ORDER BY workspace_id, received_at
)
FORMAT Parquet
