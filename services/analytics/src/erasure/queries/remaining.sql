SELECT
  (
    SELECT count()
    FROM events
    WHERE workspace_id IN {workspaceIds:Array(String)}
      AND arrayExists(
        (workspace, user, seq) -> workspace_id = workspace AND user_id = user AND _seq <= seq,
        {workspaceIds:Array(String)}, {userIds:Array(String)}, {seqs:Array(UInt64)}
      )
  ) + (
    SELECT count()
    FROM dead_letters
    WHERE arrayExists(
      (workspace, user, stored) -> seq <= stored AND position(body, unhex(workspace)) > 0 AND position(body, unhex(user)) > 0,
      {workspaceFields:Array(String)}, {userFields:Array(String)}, {seqs:Array(UInt64)}
    )
  ) + (
    SELECT count()
    FROM dead_letter_changes
    WHERE arrayExists(
      (workspace, user, stored) -> seq <= stored AND position(event, unhex(workspace)) > 0 AND position(event, unhex(user)) > 0,
      {workspaceFields:Array(String)}, {userFields:Array(String)}, {seqs:Array(UInt64)}
    )
  ) AS remaining
