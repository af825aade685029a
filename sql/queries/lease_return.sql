-- $1 grant id, $2 statements, $3 bytes that were leased and not used
UPDATE dbbat.grant_usage
SET queries = greatest(queries - $2::bigint, 0), bytes = greatest(bytes - $3::bigint, 0)
WHERE grant_id = $1::bigint
