-- The events. A row is one `millrace.event.v1.Event`, whose field names these columns repeat.
--
-- The rollups are projections, not materialized views: a projection lives in the part of its rows, so a crash can not
-- leave the two apart. They are declared here because a part that was written before a projection existed answers
-- nothing through it.
--
-- `_month` is set by the writer, the same for a whole insert: an insert that spread over two partitions could land
-- half, and max(_seq) would not be a position any more.
--
-- `i_dedup` answers which of a batch's dedup keys are stored already. Measured at 10 M rows on two threads, 10 / 300 /
-- 10,000 keys: no structure 70 / 100 / 130 ms, bloom filter 20 / 110 / 130 ms, a projection ordered by the key
-- 10 / 50 / 140 ms. The keys are hashes, so a large batch touches every granule whatever the order; the projection
-- costs 20 B a row and 60 % more on a narrow insert, the filter 1 B and 4 %.

CREATE TABLE IF NOT EXISTS {{database}}.events {{on_cluster}}
(
    workspace_id LowCardinality(String) CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    event_type LowCardinality(String) CODEC(ZSTD(1)),
    dialect LowCardinality(String) CODEC(ZSTD(1)),
    source String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    occurred_at DateTime64(3, 'UTC') DEFAULT fromUnixTimestamp64Milli(occurred_at_ms, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received_at DateTime64(3, 'UTC') DEFAULT fromUnixTimestamp64Milli(received_at_ms, 'UTC') CODEC(Delta(8), ZSTD(1)),
    priority UInt8 CODEC(ZSTD(1)),
    labels Array(String) CODEC(ZSTD(1)),
    payload String CODEC(ZSTD(1)),
    metadata String CODEC(ZSTD(1)),
    dedup_key FixedString(16) CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),

    _shard UInt32 CODEC(ZSTD(1)),
    _seq UInt64 CODEC(Delta(8), ZSTD(1)),
    _index UInt32 CODEC(ZSTD(1)),
    _month UInt32 CODEC(ZSTD(1)),

    user_h UInt64 MATERIALIZED sipHash64(user_id) CODEC(ZSTD(1)),
    session_h UInt64 MATERIALIZED sipHash64(session_id) CODEC(ZSTD(1)),

    occurred_at_ms Int64 EPHEMERAL,
    received_at_ms Int64 EPHEMERAL,

    INDEX i_received received_at TYPE minmax GRANULARITY 1,
    INDEX i_dedup dedup_key TYPE bloom_filter(0.01) GRANULARITY 1,

    PROJECTION p_pos
    (
        SELECT _shard, max(_seq), count() GROUP BY _shard
    ),
    PROJECTION p_type
    (
        SELECT workspace_id, toStartOfFifteenMinutes(received_at), event_type, count()
        GROUP BY workspace_id, toStartOfFifteenMinutes(received_at), event_type
    ),
    PROJECTION p_user
    (
        SELECT workspace_id, toStartOfHour(received_at), user_h, session_h, count(), max(received_at)
        GROUP BY workspace_id, toStartOfHour(received_at), user_h, session_h
    ),
    PROJECTION p_byuser
    (
        SELECT workspace_id, user_h, received_at, event_type, session_h ORDER BY workspace_id, user_h, received_at
    ),
    PROJECTION p_dim
    (
        SELECT workspace_id, user_id, user_h, count() GROUP BY workspace_id, user_id, user_h
    )
)
ENGINE = {{engine}}
PARTITION BY _month
ORDER BY (workspace_id, received_at)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800,
    lightweight_mutation_projection_mode = 'rebuild';
