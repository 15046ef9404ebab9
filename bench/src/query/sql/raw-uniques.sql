SELECT uniqExact(user_h), uniqExact(session_h)
FROM millrace.events
WHERE workspace_id = {workspaceId:String}
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
