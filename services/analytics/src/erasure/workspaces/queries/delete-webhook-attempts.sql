ALTER TABLE webhook_attempts DELETE
WHERE {batch:String} != '' AND workspace_id IN {workspaceIds:Array(String)}
