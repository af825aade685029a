SELECT dbbat.log_outcomes($1::bigint, $2::timestamptz, $3::timestamptz, $4::bigint[], $5::bigint[], $6::bigint[],
       $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[])
