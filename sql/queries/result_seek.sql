-- The chunk that row $5 (from 1 on) of a result begins in, and the number of its first row. No row: there is none.
-- $1 connection id, $2 seq, $3 time of the statement, $4 result
SELECT chunk, before + 1 AS row
FROM (
	SELECT chunk, row_count, sum(row_count) OVER (ORDER BY chunk) - row_count AS before
	FROM dbbat.query_results
	WHERE connection_id = $1::bigint AND seq = $2::bigint AND executed_at = $3::timestamptz AND result = $4::integer
) c
WHERE before < $5::bigint AND $5::bigint <= before + row_count
ORDER BY chunk
LIMIT 1
