INSERT INTO {database:Identifier}.migrations (number, name) SELECT {number:UInt32}, {name:String}
