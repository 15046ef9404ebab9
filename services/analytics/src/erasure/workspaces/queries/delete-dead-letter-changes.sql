ALTER TABLE dead_letter_changes DELETE
WHERE {batch:String} != '' AND workspace_id IN {workspaceIds:Array(String)}
