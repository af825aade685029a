-- Open connections of other nodes that have not been seen for long. Should one come back, it opens them again. $1 our node
WITH lost AS (
	UPDATE dbbat.connections c
	SET ended_at = greatest(c.started_at, o.seen_at), end_reason = 'node lost'
	FROM (SELECT id, coalesce(n.seen_at, started.started_at) AS seen_at
	      FROM dbbat.connections started
	      LEFT JOIN dbbat.nodes n ON n.node_id = started.node_id
	      WHERE ended_at IS NULL AND started.node_id NOT IN ('', $1)
	      AND coalesce(n.seen_at, started.started_at) < now() - interval '5 minutes') AS o
	WHERE c.id = o.id AND c.ended_at IS NULL
	RETURNING c.node_id
)
SELECT lost.node_id, coalesce(n.name, '') AS name, count(*) AS connections
FROM lost
LEFT JOIN dbbat.nodes n ON n.node_id = lost.node_id
GROUP BY 1, 2
