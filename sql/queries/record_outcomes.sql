SELECT dbbat.log_batch_outcomes($1::timestamptz, $2::timestamptz, $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
       $7::bigint[], $8::text[], $9::text[], $10::text[], $11::text[])
