-- Whether a journal belongs to a connection of this storage, and not to one that was here before.
-- $1 connection, $2 user, $3 database, $4 grant, $5 when it was opened, by the clock of its node
SELECT 1 FROM dbbat.connections
WHERE id = $1::bigint AND user_id = $2::bigint AND database_id = $3::bigint AND grant_id = $4::bigint
AND started_at BETWEEN $5::timestamptz - interval '1 day' AND $5::timestamptz + interval '1 day'
