SELECT
    id,
    workspace_id AS workspaceId,
    toUnixTimestamp64Milli(at) AS atMs,
    action,
    outcome,
    actor_user_id AS actorUserId,
    actor_credential_id AS actorCredentialId,
    target_type AS targetType,
    target_id AS targetId,
    details AS detailsJson,
    ip_address AS ipAddress,
    request_id AS requestId
FROM audit_log
WHERE workspace_id = {workspaceId:String}
  AND at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
  AND at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
  -- The second condition narrows the first one's range of the primary key, which tuples do not.
  AND (at, id) < (fromUnixTimestamp64Milli({behindMs:Int64}, 'UTC'), {behindId:String})
  AND at <= fromUnixTimestamp64Milli({behindMs:Int64}, 'UTC')
  AND ({action:String} = '' OR action = {action:String})
  AND ({actorUserId:String} = '' OR actor_user_id = {actorUserId:String})
  AND ({targetId:String} = '' OR target_id = {targetId:String})
ORDER BY at DESC, id DESC
LIMIT 1 BY at, id
LIMIT {limit:UInt32}
