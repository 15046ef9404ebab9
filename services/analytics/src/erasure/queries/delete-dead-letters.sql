ALTER TABLE dead_letters DELETE
WHERE {batch:String} != ''
  AND arrayExists(
    (workspace, user, stored) -> seq <= stored AND position(body, unhex(workspace)) > 0 AND position(body, unhex(user)) > 0,
    {workspaceFields:Array(String)}, {userFields:Array(String)}, {seqs:Array(UInt64)}
  )
