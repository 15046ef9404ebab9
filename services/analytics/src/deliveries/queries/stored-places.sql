SELECT _seq AS seq, _index AS index
FROM events
WHERE workspace_id = {workspaceId:String}
  AND _seq >= {afterSeq:UInt64}
  AND _seq <= {toSeq:UInt64}
  AND (_seq > {afterSeq:UInt64} OR _index > {afterIndex:UInt32})
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
ORDER BY _seq, _index
LIMIT {limit:UInt32}
