SELECT dbbat.log_end($1::bigint, $2::timestamptz, $3::bigint, $4::bigint, $5::text)
