ALTER TABLE dead_letters DELETE
WHERE {batch:String} != ''
  AND workspace_id IN {workspaceIds:Array(String)}
  AND parked_at < fromUnixTimestamp64Milli(
    transform(toString(workspace_id), {workspaceIds:Array(String)}, {beforeMs:Array(Int64)}, toInt64(0)), 'UTC'
  )
