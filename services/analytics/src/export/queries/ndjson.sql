SELECT concat(
  '{"id":', toJSONString(event_id),
  ',"type":', toJSONString(toString(event_type)),
  ',"source":', if(source = '', 'null', toJSONString(source)),
  ',"userId":', if(user_id = '', 'null', toJSONString(user_id)),
  ',"sessionId":', if(session_id = '', 'null', toJSONString(session_id)),
  ',"occurredAt":"', replaceOne(toString(occurred_at), ' ', 'T'), 'Z"',
  ',"receivedAt":"', replaceOne(toString(received_at), ' ', 'T'), 'Z"',
  ',"priority":', toString(priority),
  ',"labels":', toJSONString(labels),
  ',"dialect":', toJSONString(toString(dialect)),
  ',"traceId":', if(trace_id = '', 'null', toJSONString(trace_id)),
  -- As they came: a number may have more digits than any type. A line break is between tokens, never in a text.
  ',"payload":', if(payload = '', '{}', translate(payload, '\r\n', '  ')),
  ',"metadata":', if(metadata = '', '{}', translate(metadata, '\r\n', '  ')),
  '}'
) AS line
FROM events
WHERE workspace_id = {workspaceId:String}
  AND ({userId:String} = '' OR user_id = {userId:String})
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
  AND received_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
ORDER BY workspace_id, received_at
FORMAT TSVRaw
