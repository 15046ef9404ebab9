SELECT name, partition_id AS partition, min_block_number AS minBlock, max_block_number AS maxBlock, rows, projections
FROM system.parts
WHERE database = {database:String} AND table = {table:String} AND active
ORDER BY partition, minBlock
