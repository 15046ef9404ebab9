INSERT INTO {database:Identifier}.migration_lease (generation, beat, holder, expires_at)
VALUES ({generation:UInt64}, {beat:UInt32}, {holder:String}, now64(3) + toIntervalMillisecond({forMs:UInt32}))
