ALTER TABLE audit_log DELETE
WHERE {batch:String} != '' AND workspace_id IN {workspaceIds:Array(String)}
