SELECT sipHash64(rollupKey) % 1024 AS bucket, count() AS entries, sum(sipHash64(rollupKey, rollupValue)) AS digest
FROM
(
{{side}}
)
GROUP BY bucket
ORDER BY bucket
