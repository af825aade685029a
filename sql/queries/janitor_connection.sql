-- Whether a journal belongs to a connection of this storage, and not to one that was here before.
-- $1 connection, $2 user, $3 database, $4 grant, $5 when the row was made, in microseconds, $6 how far off that may be:
-- an earlier version has only noted when the journal was made, by the clock of its node.
SELECT 1 FROM dbbat.connections
WHERE id = $1::bigint AND user_id = $2::bigint AND database_id = $3::bigint AND grant_id = $4::bigint
AND abs(extract(epoch FROM started_at)::numeric * 1000000 - $5::numeric) <= $6::numeric
