SELECT _shard AS shard, max(_seq) AS seq
FROM events
GROUP BY _shard
