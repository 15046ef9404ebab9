INSERT INTO {database:Identifier}.migrations (number, name, checksum) VALUES ({number:UInt32}, {name:String}, {checksum:String})
