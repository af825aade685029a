-- $1 id, $2 unused (always NULL), $3 cursor, $4 limit, $5 action, $6 actor, $7 object_type, $8 object_id, $9 since, $10 until
SELECT id, at, actor_id, actor, source, action, object_type, object_id, before, after, detail
FROM dbbat.audit_events
WHERE ($1::bigint IS NULL OR id = $1)
  AND $2::bigint IS NULL
  AND ($3::bigint IS NULL OR id < $3)
  AND ($5::text IS NULL OR action = $5)
  AND ($6::text IS NULL OR actor = $6)
  AND ($7::text IS NULL OR object_type = $7)
  AND ($8::bigint IS NULL OR object_id = $8)
  AND ($9::timestamptz IS NULL OR at >= $9)
  AND ($10::timestamptz IS NULL OR at < $10)
ORDER BY id DESC
LIMIT $4
