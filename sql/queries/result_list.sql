-- The captured results of a statement, in order. $1 query id, $2 the one result to be seen
SELECT q.connection_id, q.seq, q.executed_at, q.status,
       r.result, min(r.kind) AS kind, min(r.chunk) AS first, max(r.chunk) AS last, sum(r.row_count) AS rows,
       sum(octet_length(r.body) - CASE WHEN r.flags & 16 <> 0 THEN 33 ELSE 0 END - CASE WHEN r.flags & 1 <> 0 THEN 8 ELSE 0 END) AS bytes,
       bool_or(r.flags & 2 <> 0) AS ended, bool_or(r.flags & 8 <> 0) AS binary, bool_and(r.flags & 16 <> 0) AS sealed,
       max(r.cut) AS cut
FROM dbbat.queries q
JOIN dbbat.query_results r ON r.connection_id = q.connection_id AND r.seq = q.seq AND r.executed_at = q.executed_at
WHERE q.id = $1::bigint AND ($2::integer IS NULL OR r.result = $2)
GROUP BY q.connection_id, q.seq, q.executed_at, q.status, r.result
ORDER BY r.result
