-- What was done to a workspace, by whom; a row is one `millrace.audit.v1.AuditEntry`. Storing is repeated after a crash:
-- copies of an entry have the same id and the same time, so they meet in one partition and collapse. Until they have,
-- a question has to pass over them (LIMIT 1 BY id).

CREATE TABLE IF NOT EXISTS {{database}}.audit_log {{on_cluster}}
(
    workspace_id LowCardinality(String) CODEC(ZSTD(1)),
    id String CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    action LowCardinality(String) CODEC(ZSTD(1)),
    outcome LowCardinality(String) CODEC(ZSTD(1)),
    actor_user_id String CODEC(ZSTD(1)),
    actor_credential_id String CODEC(ZSTD(1)),
    target_type LowCardinality(String) CODEC(ZSTD(1)),
    target_id String CODEC(ZSTD(1)),
    details String CODEC(ZSTD(1)),
    ip_address String CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1))
)
ENGINE = {{engine:Replacing}}
PARTITION BY toYYYYMM(at)
ORDER BY (workspace_id, at, id);
