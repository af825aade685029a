-- An administrator ends a session; its keeper sees it. $1 connection id. No row: it has ended already.
UPDATE dbbat.connections SET end_asked_at = coalesce(end_asked_at, now())
WHERE id = $1::bigint AND ended_at IS NULL
RETURNING id
