-- For the API. $1 connection id, $2 statements and $3 bytes it says it has used
UPDATE dbbat.leases
SET queries_used = least(queries, $2::bigint), bytes_used = least(bytes, $3::bigint)
WHERE connection_id = $1::bigint
