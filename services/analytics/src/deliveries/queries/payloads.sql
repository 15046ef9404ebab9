-- By the time of arrival, which stands behind the workspace in the table's key: a page's ids would meet most granules of a bloom filter.
SELECT
    event_id AS eventId,
    toUnixTimestamp64Milli(received_at) AS receivedAtMs,
    base64Encode(payload) AS payload
FROM events
WHERE workspace_id = {workspaceId:String}
  AND received_at IN (SELECT fromUnixTimestamp64Milli(arrayJoin({receivedAtMs:Array(Int64)}), 'UTC'))
  AND event_id IN {eventIds:Array(String)}
