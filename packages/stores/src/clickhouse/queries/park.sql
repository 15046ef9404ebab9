INSERT INTO dead_letters (shard, seq, `index`, reason, detail, body, parked_at)
SELECT {shard:UInt32}, {seq:UInt64}, {index:UInt32}, {reason:String}, {detail:String}, base64Decode({body:String}), fromUnixTimestamp64Milli({parkedAtMs:Int64}, 'UTC')
