SELECT DISTINCT hex(dedup_key) AS key
FROM events
WHERE dedup_key IN (
    SELECT toFixedString(unhex(text), 16)
    FROM (
        SELECT arrayJoin(splitByChar(',', arrayStringConcat([
            {keys0:String}, {keys1:String}, {keys2:String}, {keys3:String},
            {keys4:String}, {keys5:String}, {keys6:String}, {keys7:String},
            {keys8:String}, {keys9:String}, {keys10:String}, {keys11:String},
            {keys12:String}, {keys13:String}, {keys14:String}, {keys15:String}
        ], ','))) AS text
    )
    WHERE text != ''
)
  AND received_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
