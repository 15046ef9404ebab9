SELECT count() AS events
FROM system.mutations
WHERE database = {database:String} AND table = 'events' AND NOT is_done AND NOT is_killed
  AND position(command, '_properties < ') > 0
  AND position(command, toString({version:UInt32})) > 0
  AND position(command, {workspaceId:String}) > 0
