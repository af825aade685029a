-- For a session that could not write its own end. $1 connection id, $2 reason
UPDATE dbbat.connections SET ended_at = now(), end_reason = $2
WHERE id = $1::bigint AND ended_at IS NULL
