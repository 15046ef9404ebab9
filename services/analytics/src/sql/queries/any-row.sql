SELECT 1 FROM {database:Identifier}.{table:Identifier} LIMIT 1
