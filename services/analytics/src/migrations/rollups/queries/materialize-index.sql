ALTER TABLE {database:Identifier}.{table:Identifier} MATERIALIZE INDEX {{name}}
