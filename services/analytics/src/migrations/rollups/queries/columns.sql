DESCRIBE TABLE mergeTreeProjection({database:Identifier}, {table:Identifier}, {projection:Identifier})
