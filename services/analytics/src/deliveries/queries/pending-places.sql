-- Most rows that say pending were followed by a further attempt, which is looked for among those that are no delivery's first.
SELECT _seq AS seq, _index AS index
FROM webhook_attempts
WHERE workspace_id = {workspaceId:String}
  AND endpoint_id = {endpointId:String}
  AND _seq >= {afterSeq:UInt64}
  AND _seq <= {toSeq:UInt64}
  AND (_seq > {afterSeq:UInt64} OR _index > {afterIndex:UInt32})
  AND received_at >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
  AND (delivery_status = {status:String} OR attempt > 1)
GROUP BY _seq, _index
HAVING argMax(delivery_status, (attempt, started_at)) = {status:String}
ORDER BY _seq, _index
LIMIT {limit:UInt32}
