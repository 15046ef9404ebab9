SELECT
    delivery_id AS id,
    toUnixTimestamp64Milli(created_at) AS createdAtMs,
    _seq AS seq
FROM webhook_attempts
WHERE workspace_id = {workspaceId:String}
  AND endpoint_id = {endpointId:String}
  AND created_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
  AND created_at < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
  AND created_at <= fromUnixTimestamp64Milli({behindMs:Int64}, 'UTC')
  AND (created_at < fromUnixTimestamp64Milli({behindMs:Int64}, 'UTC') OR delivery_id < {behindId:String})
  AND ({status:String} = '' OR delivery_status = {status:String})
  AND ({event:String} = '' OR event_type = {event:String})
  AND ({eventId:String} = '' OR event_id = {eventId:String})
-- In the order of the table's key, whose end is read and no more. `LIMIT BY` would read all.
ORDER BY workspace_id DESC, endpoint_id DESC, created_at DESC, delivery_id DESC
LIMIT {limit:UInt32}
