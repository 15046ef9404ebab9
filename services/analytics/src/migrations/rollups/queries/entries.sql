SELECT toString(rollupKey) AS key, toString(rollupValue) AS value
FROM
(
{{side}}
)
WHERE sipHash64(rollupKey) % 1024 = {bucket:UInt16}
ORDER BY key, value
LIMIT 50000
