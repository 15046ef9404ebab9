SELECT
    letter.shard AS shard,
    letter.seq AS seq,
    letter.`index` AS `index`,
    letter.reason AS reason,
    letter.detail AS detail,
    letter.event_id AS eventId,
    if(change.last_event_type = '', letter.event_type, change.last_event_type) AS eventType,
    toUnixTimestamp64Milli(letter.parked_at) AS parkedAtMs,
    if(change.last_version = 0, 'parked', toString(change.last_state)) AS state,
    change.last_event != '' AS edited,
    toUnixTimestamp64Milli(change.last_changed_at) AS changedAtMs,
    change.last_version AS version,
    base64Encode(if(change.last_event = '', letter.body, change.last_event)) AS event
FROM
(
    SELECT shard, seq, `index`, reason, detail, event_id, event_type, parked_at, body
    FROM dead_letters
    WHERE workspace_id = {workspaceId:String}
      AND (shard, seq, `index`) = ({shard:UInt32}, {seq:UInt64}, {index:UInt32})
    ORDER BY parked_at DESC
    LIMIT 1
) AS letter
CROSS JOIN
(
    SELECT
        max(state) AS last_state,
        max(version) AS last_version,
        argMaxIf(event_type, (version, changed_at), event != '') AS last_event_type,
        argMaxIf(event, (version, changed_at), event != '') AS last_event,
        max(changed_at) AS last_changed_at
    FROM dead_letter_changes
    WHERE workspace_id = {workspaceId:String}
      AND (shard, seq, `index`) = ({shard:UInt32}, {seq:UInt64}, {index:UInt32})
) AS change
