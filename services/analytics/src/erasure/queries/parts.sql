SELECT count() AS parts
FROM system.parts
WHERE database = currentDatabase() AND table IN {tables:Array(String)} AND active
