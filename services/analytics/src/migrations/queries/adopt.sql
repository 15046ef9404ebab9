INSERT INTO {database:Identifier}.migrations (number, name, applied_at, checksum)
SELECT number, any(name), min(migrations.applied_at), {checksum:String}
FROM {database:Identifier}.migrations AS migrations
WHERE number = {number:UInt32}
GROUP BY number
