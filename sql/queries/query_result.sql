-- $1 query id
SELECT r.description, r.data, r.row_count, r.truncated
FROM dbbat.queries q
JOIN dbbat.query_results r ON r.connection_id = q.connection_id AND r.seq = q.seq AND r.executed_at = q.executed_at
WHERE q.id = $1
