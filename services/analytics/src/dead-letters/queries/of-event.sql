SELECT shard, seq, `index`
FROM dead_letters
WHERE workspace_id = {workspaceId:String} AND event_id = {eventId:String}
ORDER BY parked_at DESC
LIMIT 1
