ALTER TABLE dead_letters DELETE
WHERE {batch:String} != ''
  AND arrayExists(
    (workspace, field) -> workspace_id = workspace OR (workspace_id = '' AND position(body, unhex(field)) > 0),
    {workspaceIds:Array(String)}, {workspaceFields:Array(String)}
  )
