SELECT count() AS remaining
FROM webhook_attempts
WHERE workspace_id IN {workspaceIds:Array(String)}
  AND arrayExists(
    (workspace, user, seq) -> workspace_id = workspace AND user_id = user AND _seq <= seq,
    {workspaceIds:Array(String)}, {userIds:Array(String)}, {seqs:Array(UInt64)}
  )
