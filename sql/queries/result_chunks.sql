-- Chunks of one statement. $1 connection id, $2 seq, $3 time of the statement, $4 the first chunk, $5 the last
SELECT chunk, result, kind, flags, cut, row_count, body
FROM dbbat.query_results
WHERE connection_id = $1::bigint AND seq = $2::bigint AND executed_at = $3::timestamptz
  AND chunk BETWEEN $4::integer AND $5::integer
ORDER BY chunk
