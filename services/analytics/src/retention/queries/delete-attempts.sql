ALTER TABLE webhook_attempts DELETE
WHERE {batch:String} != ''
  AND workspace_id IN {workspaceIds:Array(String)}
  AND received_at < fromUnixTimestamp64Milli(
    transform(toString(workspace_id), {workspaceIds:Array(String)}, {beforeMs:Array(Int64)}, toInt64(0)), 'UTC'
  )
