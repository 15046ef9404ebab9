-- Every call that a webhook delivery made. A delivery is the rows of one delivery_id: its status is that of the
-- newest attempt. Recording is repeated after a crash; rows of the same attempt collapse (read with FINAL).

CREATE TABLE IF NOT EXISTS {{database}}.webhook_attempts {{on_cluster}}
(
    workspace_id LowCardinality(String) CODEC(ZSTD(1)),
    endpoint_id String CODEC(ZSTD(1)),
    delivery_id String CODEC(ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    event_type LowCardinality(String) CODEC(ZSTD(1)),
    created_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    attempt UInt16 CODEC(ZSTD(1)),
    started_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    took_ms UInt32 CODEC(ZSTD(1)),
    http_status UInt16 CODEC(ZSTD(1)),
    error String CODEC(ZSTD(1)),
    delivery_status LowCardinality(String) CODEC(ZSTD(1)),
    next_attempt_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    _shard UInt32 CODEC(ZSTD(1)),
    _seq UInt64 CODEC(Delta(8), ZSTD(1)),
    _index UInt32 CODEC(ZSTD(1)),

    INDEX i_seq _seq TYPE minmax GRANULARITY 1,
    INDEX i_delivery delivery_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine:Replacing}}
PARTITION BY toYYYYMM(created_at)
ORDER BY (workspace_id, endpoint_id, created_at, delivery_id, attempt);
