SELECT user_id, count() AS n, max(received_at)
FROM millrace.events
WHERE workspace_id = {workspaceId:String}
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
GROUP BY user_id
ORDER BY n DESC
LIMIT 10
