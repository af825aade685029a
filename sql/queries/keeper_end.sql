-- For a session that could not write its own end. $1 connection id, $2 reason. Where it had no lease there is
-- nothing to settle; else its journal decides what goes back.
WITH none AS (
	DELETE FROM dbbat.leases WHERE connection_id = $1::bigint AND queries = 0 AND bytes = 0
)
UPDATE dbbat.connections SET ended_at = now(), end_reason = $2
WHERE id = $1::bigint AND ended_at IS NULL
