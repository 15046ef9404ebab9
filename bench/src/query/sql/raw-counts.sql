SELECT event_type, intDiv(toUnixTimestamp64Milli(received_at), 900000) AS bucket, count()
FROM millrace.events
WHERE workspace_id = {workspaceId:String}
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND received_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
GROUP BY GROUPING SETS ((event_type), (bucket))
