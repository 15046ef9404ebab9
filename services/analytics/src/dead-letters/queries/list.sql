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
    change.edited AS edited,
    toUnixTimestamp64Milli(change.last_changed_at) AS changedAtMs,
    change.last_version AS version
FROM
(
    SELECT shard, seq, `index`, reason, detail, event_id, event_type, parked_at
    FROM dead_letters
    WHERE workspace_id = {workspaceId:String}
    -- Of a letter that was parked once more after a crash the last row, as a merge keeps it.
    ORDER BY parked_at DESC
    LIMIT 1 BY shard, seq, `index`
) AS letter
LEFT JOIN
(
    SELECT
        shard,
        seq,
        `index`,
        max(state) AS last_state,
        max(version) AS last_version,
        countIf(event != '') > 0 AS edited,
        argMaxIf(event_type, (version, changed_at), event != '') AS last_event_type,
        max(changed_at) AS last_changed_at
    FROM dead_letter_changes
    WHERE workspace_id = {workspaceId:String}
    GROUP BY shard, seq, `index`
) AS change ON letter.shard = change.shard AND letter.seq = change.seq AND letter.`index` = change.`index`
WHERE ({state:String} = '' OR state = {state:String})
  AND ({reason:String} = '' OR reason = {reason:String})
  AND ({eventType:String} = '' OR eventType = {eventType:String})
  AND parkedAtMs >= {fromMs:Int64}
  AND parkedAtMs < {toMs:Int64}
  AND (parkedAtMs, shard, seq, `index`) < ({behindMs:Int64}, {behindShard:UInt32}, {behindSeq:UInt64}, {behindIndex:UInt32})
ORDER BY parkedAtMs DESC, shard DESC, seq DESC, `index` DESC
LIMIT {limit:UInt32}
