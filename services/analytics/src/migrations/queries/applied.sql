SELECT number, argMax(name, applied_at) AS name, max(applied_at) AS appliedAt, argMax(checksum, (checksum != '', applied_at)) AS checksum
FROM {database:Identifier}.migrations
GROUP BY number
ORDER BY number
