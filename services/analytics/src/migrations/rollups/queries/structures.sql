SELECT 'projection' AS kind, name, type = 'Aggregate' AS isAggregate, 0 AS bytes
FROM system.projections
WHERE database = {database:String} AND table = {table:String}
UNION ALL
SELECT 'index', name, false, data_compressed_bytes
FROM system.data_skipping_indices
WHERE database = {database:String} AND table = {table:String}
