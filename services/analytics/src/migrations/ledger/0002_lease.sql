-- Who may migrate. A generation is one term of one holder: its row of beat 0 is the grant, later ones prolong or end it.
-- The window makes the grant atomic: of all inserts of a grant under its token, on whichever replica, the first lands.

CREATE TABLE IF NOT EXISTS {{database}}.migration_lease {{on_cluster}}
(
    generation UInt64,
    beat UInt32,
    holder String,
    expires_at DateTime64(3, 'UTC')
)
ENGINE = {{engine}}
ORDER BY (generation, beat)
SETTINGS
    non_replicated_deduplication_window = 10000,
    replicated_deduplication_window = 10000,
    replicated_deduplication_window_seconds = 604800;
