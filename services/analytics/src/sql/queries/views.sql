CREATE DATABASE IF NOT EXISTS {{sql_database}} {{on_cluster}};

-- The rows that statements see. The definer's row policy lets through those of the workspace that the request names, and of them alone
-- anything is evaluated; the condition here says the same once more, for a server whose policy is gone.
CREATE OR REPLACE VIEW {{sql_database}}.events {{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
SELECT
    workspace_id, event_id, event_type, dialect, source, user_id, session_id,
    occurred_at, received_at, priority, labels, payload, metadata, trace_id
FROM {{database}}.events
WHERE workspace_id = getClientHTTPHeader('X-Millrace-Workspace');

-- What the definer sees by its policy alone: nothing, where a request names no workspace.
CREATE OR REPLACE VIEW {{sql_database}}.unfiltered {{on_cluster}}
DEFINER = {{definer}} SQL SECURITY DEFINER AS
SELECT workspace_id FROM {{database}}.events;
