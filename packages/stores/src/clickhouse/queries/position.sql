SELECT max(_seq) AS seq
FROM events
WHERE _shard = {shard:UInt32}
GROUP BY _shard
