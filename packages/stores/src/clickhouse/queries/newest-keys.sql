SELECT dedup_key
FROM events
WHERE received_at >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
  AND dedup_key != toFixedString('', 16)
  AND bitOr(bitShiftLeft(toUInt32(reinterpretAsUInt8(substring(dedup_key, 1, 1))), 8), reinterpretAsUInt8(substring(dedup_key, 2, 1))) % {shardCount:UInt32} = {shardIndex:UInt32}
ORDER BY received_at DESC
LIMIT {limit:UInt32}
FORMAT RowBinary
