INSERT INTO dead_letters (shard, seq, `index`, reason, detail, body, parked_at)
SELECT shard, seq, `index`, reason, detail, base64Decode(body), fromUnixTimestamp64Milli(parkedAtMs, 'UTC')
FROM input('shard UInt32, seq UInt64, `index` UInt32, reason String, detail String, body String, parkedAtMs Int64')
FORMAT JSONEachRow
