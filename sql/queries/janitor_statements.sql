-- Statements of a session that died before their outcome came.
UPDATE dbbat.queries
   SET status = 'error', message = 'the session process died before the outcome was known'
 WHERE connection_id = $1::bigint AND status = 'running'
