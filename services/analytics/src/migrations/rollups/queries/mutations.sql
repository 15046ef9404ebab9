SELECT mutation_id AS id, command, create_time AS createdAt, parts_to_do AS partsToDo, is_done AS isDone, is_killed AS isKilled, latest_fail_reason AS failure
FROM system.mutations
WHERE database = {database:String} AND table = {table:String} AND command LIKE '%MATERIALIZE %'
ORDER BY create_time, id
