-- $1 actor id or NULL, $2 actor, $3 source, $4 action, $5 detail
INSERT INTO dbbat.audit_events (actor_id, actor, source, action, detail)
VALUES ($1::bigint, $2, $3, $4, $5)
