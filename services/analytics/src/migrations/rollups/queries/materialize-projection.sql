ALTER TABLE {database:Identifier}.{table:Identifier} MATERIALIZE PROJECTION {{name}}
