SELECT count() AS mutations, sum(parts_to_do) AS partsLeft, min(is_done) AS isDone, max(is_killed) AS isKilled, max(latest_fail_reason) AS failure
FROM system.mutations
WHERE database = currentDatabase() AND table IN {tables:Array(String)} AND position(command, {batch:String}) > 0
