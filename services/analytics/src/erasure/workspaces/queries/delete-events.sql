ALTER TABLE events DELETE
WHERE {batch:String} != ''
  AND workspace_id IN {workspaceIds:Array(String)}
  AND arrayExists((workspace, seq) -> workspace_id = workspace AND _seq <= seq, {workspaceIds:Array(String)}, {seqs:Array(UInt64)})
