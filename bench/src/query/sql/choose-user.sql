-- A user of the largest workspace with about so many events, in as many parts as can be: the most that a deletion has to rewrite.
SELECT user_id AS userId, toUInt32(count()) AS events, groupUniqArray(_part) AS parts
FROM millrace.events
WHERE workspace_id = 'w0'
GROUP BY user_id
HAVING events BETWEEN 500 AND 2000
ORDER BY length(parts) DESC, events DESC
LIMIT 1
SETTINGS max_bytes_before_external_group_by = 1000000000
