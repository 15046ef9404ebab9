SELECT
  (
    SELECT count()
    FROM events
    WHERE workspace_id IN {workspaceIds:Array(String)}
      AND arrayExists(
        (workspace, seq) -> workspace_id = workspace AND _seq <= seq, {workspaceIds:Array(String)}, {seqs:Array(UInt64)}
      )
  ) + (
    SELECT count()
    FROM dead_letters
    WHERE arrayExists(
      (workspace, field) -> workspace_id = workspace OR (workspace_id = '' AND position(body, unhex(field)) > 0),
      {workspaceIds:Array(String)}, {workspaceFields:Array(String)}
    )
  ) + (SELECT count() FROM dead_letter_changes WHERE workspace_id IN {workspaceIds:Array(String)})
  + (SELECT count() FROM webhook_attempts WHERE workspace_id IN {workspaceIds:Array(String)})
  + (SELECT count() FROM audit_log WHERE workspace_id IN {workspaceIds:Array(String)}) AS remaining
