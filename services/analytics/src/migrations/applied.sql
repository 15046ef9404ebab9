SELECT DISTINCT number FROM {database:Identifier}.migrations
