UPDATE dbbat.connections
   SET ended_at = $2::timestamptz, queries = $3::bigint, bytes = $4::bigint, end_reason = $5::text
 WHERE id = $1::bigint
