-- What deliverers tell of an attempt, and where stored events are read by their place in the stream.
--
-- An attempt that is made again after a crash may have another `created_at`, and then nothing collapses: whoever reads takes the newest
-- row of (delivery_id, attempt). All rows of a delivery have the same `_seq`, by which `i_seq` finds them in a few granules; a bloom filter
-- over the ids of a page would be met in nearly all.
--
-- The token of a repeated insert is remembered on a single server too. Rows go 90 days after `created_at`, in passes a day apart: each
-- rewrites the oldest month.

ALTER TABLE {{database}}.webhook_attempts {{on_cluster}}
    ADD COLUMN IF NOT EXISTS url String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS response String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS address String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS cause LowCardinality(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS user_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS payload String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS received_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1));

ALTER TABLE {{database}}.webhook_attempts {{on_cluster}}
    MODIFY SETTING non_replicated_deduplication_window = 1000, merge_with_ttl_timeout = 86400;

ALTER TABLE {{database}}.webhook_attempts {{on_cluster}} MODIFY TTL toDateTime(created_at) + INTERVAL 90 DAY;

ALTER TABLE {{database}}.events {{on_cluster}} ADD INDEX IF NOT EXISTS i_seq _seq TYPE minmax GRANULARITY 1;
