-- $1 id, $2 revoked_by. No row: it was revoked before.
UPDATE dbbat.grants SET revoked_at = now(), revoked_by = $2
WHERE id = $1 AND revoked_at IS NULL
RETURNING id
