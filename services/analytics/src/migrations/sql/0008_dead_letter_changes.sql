-- Whose a dead letter is, and what became of it. Ingest writes `dead_letters`; what people decide about a letter is in
-- `dead_letter_changes`, so that parking a letter once more after a crash undoes no decision. Letters from before, and
-- those whose bytes don't tell whose they are, have no workspace and are the operator's.
--
-- Of a letter's changes the last one counts, by (state, version): nothing leads back from `replayed`, because its event
-- is on its way. Storing a change is repeated after a crash; rows of the same version collapse.
--
-- The indexes on events and attempts are for receipts, which ask by the event's id.

ALTER TABLE {{database}}.dead_letters {{on_cluster}}
    ADD COLUMN IF NOT EXISTS workspace_id LowCardinality(String) CODEC(ZSTD(1));

ALTER TABLE {{database}}.dead_letters {{on_cluster}} ADD COLUMN IF NOT EXISTS event_id String CODEC(ZSTD(1));

ALTER TABLE {{database}}.dead_letters {{on_cluster}}
    ADD COLUMN IF NOT EXISTS event_type LowCardinality(String) CODEC(ZSTD(1));

ALTER TABLE {{database}}.dead_letters {{on_cluster}}
    ADD INDEX IF NOT EXISTS i_workspace workspace_id TYPE set(100) GRANULARITY 1;

CREATE TABLE IF NOT EXISTS {{database}}.dead_letter_changes {{on_cluster}}
(
    workspace_id LowCardinality(String) CODEC(ZSTD(1)),
    shard UInt32 CODEC(ZSTD(1)),
    seq UInt64 CODEC(Delta(8), ZSTD(1)),
    `index` UInt32 CODEC(ZSTD(1)),
    state Enum8('parked' = 1, 'discarded' = 2, 'replayed' = 3) CODEC(ZSTD(1)),
    version UInt32 CODEC(ZSTD(1)),
    event_type LowCardinality(String) CODEC(ZSTD(1)),
    -- The event as it was edited, a `millrace.event.v1.Event`; empty for the letter's own.
    event String CODEC(ZSTD(1)),
    changed_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = {{engine:Replacing}}
ORDER BY (workspace_id, shard, seq, `index`, state, version);

ALTER TABLE {{database}}.events {{on_cluster}}
    ADD INDEX IF NOT EXISTS i_event event_id TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE {{database}}.webhook_attempts {{on_cluster}}
    ADD INDEX IF NOT EXISTS i_event event_id TYPE bloom_filter(0.01) GRANULARITY 1;
