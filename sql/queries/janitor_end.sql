-- The end of a session that could not say it; the keeper may have said a part.
UPDATE dbbat.connections AS c
   SET ended_at = coalesce(c.ended_at, now()),
       end_reason = coalesce(c.end_reason, 'session process died'),
       queries = q.queries,
       bytes = q.bytes
  FROM (SELECT count(*) AS queries, coalesce(sum(bytes), 0)::bigint AS bytes
          FROM dbbat.queries WHERE connection_id = $1::bigint) AS q
 WHERE c.id = $1::bigint AND (c.ended_at IS NULL OR c.queries IS NULL)
