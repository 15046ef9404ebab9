-- Where it is recorded what was applied.

CREATE DATABASE IF NOT EXISTS {{database}} {{on_cluster}};

CREATE TABLE IF NOT EXISTS {{database}}.migrations {{on_cluster}}
(
    number UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3),
    checksum String DEFAULT ''
)
ENGINE = {{engine:Replacing}}
ORDER BY number;
