-- Outcomes of statements that were stored as running in an earlier batch.
UPDATE dbbat.queries AS q
   SET duration_us = o.duration_us,
       rows_affected = o.rows_affected,
       bytes = o.bytes,
       status = o.status,
       sqlstate = o.sqlstate,
       message = o.message,
       command_tag = o.command_tag
  FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
              $6::text[], $7::text[], $8::text[], $9::text[])
       AS o (seq, duration_us, rows_affected, bytes, status, sqlstate, message, command_tag)
 WHERE q.connection_id = $1::bigint AND q.seq = o.seq AND q.status = 'running'
