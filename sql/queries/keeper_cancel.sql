-- A cancel request that found its session. $1 connection id, $2 where it came from
INSERT INTO dbbat.audit_events (actor_id, actor, source, action, object_type, object_id)
SELECT user_id, username, $2, 'connection.cancel', 'connection', id
FROM dbbat.connections
WHERE id = $1::bigint
