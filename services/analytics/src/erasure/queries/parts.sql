SELECT count() AS parts
FROM system.parts
WHERE database = currentDatabase() AND table IN ('events', 'dead_letters') AND active
