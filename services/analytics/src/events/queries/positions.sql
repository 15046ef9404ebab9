-- Of the layout of shards that is written to now: how far the writer of each has come, at least and at most. A shard
-- that has no row may have a writer that is far behind.
SELECT if(count() < shards, 0, min(seq)) AS least, max(seq) AS most
FROM (SELECT _shard, max(_seq) AS seq FROM events GROUP BY _shard)
GROUP BY intDiv(_shard, 1000) AS shards
ORDER BY most DESC
LIMIT 1
