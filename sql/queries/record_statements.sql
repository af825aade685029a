-- Statements that started, with their outcome where it is known. A row that is there already is
-- one that was sent before: it changes only from running to its outcome.
INSERT INTO dbbat.queries AS q
       (connection_id, user_id, database_id, grant_id, seq, sql_text, text_cut, parameters,
        executed_at, duration_us, rows_affected, bytes, status, sqlstate, message, command_tag)
SELECT $1::bigint, $2::bigint, $3::bigint, $4::bigint, s.*
  FROM unnest($5::bigint[], $6::text[], $7::boolean[], $8::jsonb[],
              $9::timestamptz[], $10::bigint[], $11::bigint[], $12::bigint[],
              $13::text[], $14::text[], $15::text[], $16::text[]) AS s
ON CONFLICT (connection_id, seq) DO UPDATE
   SET duration_us = excluded.duration_us,
       rows_affected = excluded.rows_affected,
       bytes = excluded.bytes,
       status = excluded.status,
       sqlstate = excluded.sqlstate,
       message = excluded.message,
       command_tag = excluded.command_tag
 WHERE q.status = 'running' AND excluded.status <> 'running'
