-- $1 id, $2 the only user to be seen, $3 cursor, $4 limit, $5 user_id, $6 username, $7 database_id, $8 database,
-- $9 grant_id, $10 since, $11 until, $12 connection_id, $13 status, $14 text in the SQL
-- A grant is looked for among what its user did: where it was purged, the connections know whose it was.
-- The planner believes that a walk back from the newest statement comes by those of a window of time now and then, where it comes
-- by none for long, and then by all of them. So for a window it is told that thousands are wanted, and reads one that is not longer
-- than that by time. Of those found no more are fetched, in their order, than a page has.
-- A page ends early where its texts would pass 8 MB; _found tells that there was more.
WITH found AS MATERIALIZED (
	SELECT q.*, c.username, c.database
	FROM dbbat.queries q
	LEFT JOIN dbbat.connections c ON c.id = q.connection_id
	WHERE ($1::bigint IS NULL OR q.id = $1)
	  AND ($2::bigint IS NULL OR q.user_id = $2)
	  AND ($3::bigint IS NULL OR q.id < $3)
	  AND ($5::bigint IS NULL OR q.user_id = $5)
	  AND ($6::text IS NULL OR c.username = $6)
	  AND ($7::bigint IS NULL OR q.database_id = $7)
	  AND ($8::text IS NULL OR c.database = $8)
	  AND ($9::bigint IS NULL OR (q.grant_id = $9 AND q.user_id = (
	       SELECT user_id FROM dbbat.grants WHERE id = $9
	       UNION ALL
	       SELECT user_id FROM dbbat.connections WHERE grant_id = $9
	       LIMIT 1)))
	  AND ($10::timestamptz IS NULL OR q.executed_at >= $10)
	  AND ($11::timestamptz IS NULL OR q.executed_at < $11)
	  AND ($12::bigint IS NULL OR q.connection_id = $12)
	  AND ($13::text IS NULL OR q.status = $13)
	  AND ($14::text IS NULL OR
	       q.sql_text ILIKE '%' || regexp_replace($14, '([\\%_])', '\\\1', 'g') || '%')
	ORDER BY q.id DESC
	LIMIT $4 + CASE WHEN $10 IS NULL OR $11 IS NULL THEN 0 ELSE 10000 END
)
SELECT id, connection_id, seq, user_id, username, database_id, database, grant_id, sql_text, text_cut, parameters,
       executed_at, round(duration_us / 1000.0, 3) AS duration_ms, rows_affected, bytes, status,
       CASE WHEN status = 'refused'
            THEN jsonb_build_object('sqlstate', sqlstate, 'message', substr(message, position(': ' IN message) + 2),
                                    'rule', split_part(message, ': ', 1))
            WHEN sqlstate IS NOT NULL OR message IS NOT NULL
            THEN jsonb_build_object('sqlstate', sqlstate, 'message', message) END AS error,
       command_tag, _found
FROM (
	SELECT *, count(*) OVER () AS _found,
	       sum(octet_length(sql_text) + coalesce(octet_length(parameters::text), 0)) OVER (ORDER BY id DESC) AS total,
	       row_number() OVER (ORDER BY id DESC) AS place
	FROM (
		SELECT * FROM found LIMIT $4
	) q
) q
WHERE place = 1 OR total <= 8388608
ORDER BY id DESC
