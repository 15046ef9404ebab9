-- For a ledger from before there were checksums.

ALTER TABLE {{database}}.migrations {{on_cluster}} ADD COLUMN IF NOT EXISTS checksum String DEFAULT '';
