-- $1 actor_id, $2 actor, $3 source, $4 action, $5 object_type, $6 object_id, $7 before, $8 after, $9 detail
INSERT INTO dbbat.audit_events (actor_id, actor, source, action, object_type, object_id, before, after, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
