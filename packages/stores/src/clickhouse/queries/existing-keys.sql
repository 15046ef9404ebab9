SELECT DISTINCT hex(dedup_key) AS key
FROM events
WHERE dedup_key IN (SELECT toFixedString(unhex(arrayJoin(splitByChar(',', {keys:String}))), 16))
  AND received_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
