SELECT
  workspace_id AS workspaceId,
  shard,
  countIf(is_expired) AS expired,
  maxIf(seq, is_expired) AS lastExpired,
  -- Of letters that are kept there may be none; a position is never 0.
  minIf(seq, NOT is_expired) AS firstKept
FROM
(
  SELECT
    workspace_id,
    shard,
    seq,
    parked_at < fromUnixTimestamp64Milli(
      transform(toString(workspace_id), {workspaceIds:Array(String)}, {beforeMs:Array(Int64)}, toInt64(0)), 'UTC'
    ) AS is_expired
  FROM dead_letters
  WHERE workspace_id IN {workspaceIds:Array(String)}
)
GROUP BY workspace_id, shard
HAVING expired > 0
