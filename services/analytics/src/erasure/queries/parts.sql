SELECT count() AS parts
FROM system.parts
WHERE database = currentDatabase() AND table IN ('events', 'dead_letters', 'dead_letter_changes') AND active
