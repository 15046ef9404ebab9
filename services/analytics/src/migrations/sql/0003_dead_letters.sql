-- What could not be stored as an event, one row for each message of the stream DEAD_LETTERS.
-- Parking is repeated after a crash; rows of the same position collapse (read with FINAL).

CREATE TABLE IF NOT EXISTS {{database}}.dead_letters {{on_cluster}}
(
    shard UInt32,
    seq UInt64,
    `index` UInt32,
    reason LowCardinality(String),
    detail String,
    body String CODEC(ZSTD(1)),
    parked_at DateTime64(3, 'UTC')
)
ENGINE = {{engine:Replacing}}
ORDER BY (shard, seq, `index`);
