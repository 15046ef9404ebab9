SELECT number, any(name) AS name, max(applied_at) AS appliedAt, '' AS checksum
FROM {database:Identifier}.migrations
GROUP BY number
ORDER BY number
