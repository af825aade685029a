SELECT dbbat.log_batch_statements($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[],
       $8::jsonb[], $9::timestamptz[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[],
       $15::text[], $16::text[])
