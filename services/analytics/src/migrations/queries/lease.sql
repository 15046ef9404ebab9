SELECT generation, argMin(holder, beat) AS holder, argMax(expires_at, beat) > now64(3) AS isHeld
FROM {database:Identifier}.migration_lease
GROUP BY generation
ORDER BY generation DESC
LIMIT 1
