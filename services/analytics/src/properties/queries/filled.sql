SELECT _properties AS version, count() AS events
FROM events
WHERE workspace_id = {workspaceId:String}
GROUP BY version
