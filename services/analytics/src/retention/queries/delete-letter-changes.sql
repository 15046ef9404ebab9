ALTER TABLE dead_letter_changes DELETE
WHERE {batch:String} != ''
  AND arrayExists(
    (workspace, its_shard, last) -> workspace_id = workspace AND shard = its_shard AND seq <= last,
    {letterWorkspaceIds:Array(String)}, {shards:Array(UInt32)}, {lastSeqs:Array(UInt64)}
  )
