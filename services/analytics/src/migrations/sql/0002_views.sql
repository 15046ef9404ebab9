-- What clients of the systems that Millrace speaks for used to query.

CREATE DATABASE IF NOT EXISTS analytics {{on_cluster}};

CREATE OR REPLACE VIEW {{database}}.externalEvent {{on_cluster}} AS
SELECT
    workspace_id AS workspaceId,
    event_type AS type,
    payload,
    received_at AS createdAt
FROM {{database}}.events
WHERE dialect = 'external-event';

CREATE OR REPLACE VIEW analytics.email_events {{on_cluster}} AS
SELECT
    event_id AS email_hash,
    source AS domain,
    labels,
    occurred_at AS event_time,
    -- When the mail was received, as the client says; `events.received_at` is when its event came here.
    fromUnixTimestamp64Milli(JSONExtractInt(payload, 'received_at'), 'UTC') AS received_at,
    metadata,
    payload,
    workspace_id,
    trace_id
FROM {{database}}.events
WHERE dialect = 'email';
