SELECT count() AS events
FROM events
WHERE workspace_id = {workspaceId:String} AND _properties < {version:UInt32}
