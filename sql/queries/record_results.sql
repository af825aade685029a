SELECT dbbat.log_results($1::bigint, $2::bigint[], $3::timestamptz[], $4::bytea[], $5::bytea[], $6::bigint[], $7::boolean[])
