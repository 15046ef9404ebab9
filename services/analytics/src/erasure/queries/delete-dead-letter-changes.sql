ALTER TABLE dead_letter_changes DELETE
WHERE {batch:String} != ''
  AND arrayExists(
    (workspace, user, stored) -> seq <= stored AND position(event, unhex(workspace)) > 0 AND position(event, unhex(user)) > 0,
    {workspaceFields:Array(String)}, {userFields:Array(String)}, {seqs:Array(UInt64)}
  )
