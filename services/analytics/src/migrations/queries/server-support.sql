SELECT version() AS version, (SELECT count() FROM system.settings WHERE name = 'format_schema_source') AS known
